import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("etl_assets", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CheckResult",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("passed", models.BooleanField()),
                (
                    "severity",
                    models.CharField(
                        choices=[("error", "error"), ("warning", "warning")],
                        help_text="what it means if it has not passed",
                        max_length=16,
                    ),
                ),
                (
                    "blocking",
                    models.BooleanField(help_text="does an error stop what depends on the transformer?"),
                ),
                ("description", models.TextField()),
                ("figures", models.JSONField(default=dict)),
                (
                    "samples",
                    models.JSONField(default=list, help_text="rows at fault, sensitive values masked"),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="checks", to="etl_assets.run"
                    ),
                ),
            ],
            options={
                "verbose_name": "check result",
                "verbose_name_plural": "check results",
                "ordering": ("pk",),
                "constraints": [
                    models.UniqueConstraint(fields=("run", "name"), name="etl_check_once_per_run"),
                ],
            },
        ),
    ]
