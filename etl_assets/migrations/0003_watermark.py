from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('etl_assets', '0002_check_result'),
    ]

    operations = [
        migrations.CreateModel(
            name='Watermark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('transformer', models.CharField(max_length=255, unique=True)),
                ('source', models.JSONField(help_text='what was read, and what into: the value holds for nothing else')),
                ('value', models.CharField(help_text='the largest that the last run has seen', max_length=255)),
                ('run_id', models.CharField(max_length=64)),
            ],
            options={
                'verbose_name': 'watermark',
                'verbose_name_plural': 'watermarks',
            },
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='window',
            field=models.JSONField(help_text='which watermarks the run that began was to read', null=True),
        ),
        migrations.CreateModel(
            name='KeyOwner',
            fields=[
                ('pk', models.CompositePrimaryKey('transformer', 'key', blank=True, editable=False, primary_key=True, serialize=False)),
                ('transformer', models.CharField(max_length=255)),
                ('key', models.CharField(max_length=255)),
                ('owner', models.CharField(max_length=255, help_text='the source row, by its primary key')),
                ('name', models.CharField(help_text="the row's legacy key, for messages", max_length=255)),
            ],
            options={
                'verbose_name': 'key owner',
                'verbose_name_plural': 'key owners',
                'indexes': [models.Index(fields=['transformer', 'owner'], name='etl_key_owner')],
            },
        ),
    ]
