#!/bin/sh
# The container's first process. Options alone are those of the command; anything else is a program:
#
#   docker run IMAGE --dry-run                                      python manage.py migrate_legacy_data --dry-run
#   docker run IMAGE python manage.py etl analyze --table T         that
#
# Started as root, it goes on as the owner of the mounted folder of logs, so that the files belong to whoever
# made the folder. A folder of root's, which Docker makes where there was none, is handed to the user etl;
# so are the files that an older image left there as root.
set -eu

logs=${LOG_FOLDER:-/app/logs}
etl=10001

if [ "$(id -u)" = 0 ]; then
    user=$(stat -c %u "$logs")
    group=$(stat -c %g "$logs")
    if [ "$user" = 0 ]; then
        user=$etl group=$etl
    fi
    # Links are not followed, and a file of several names may be one that lives elsewhere.
    find "$logs" -xdev -user 0 \( -type d -o -type f -links 1 \) -exec chown "$user:$group" {} +
    exec setpriv --reuid "$user" --regid "$group" --clear-groups --no-new-privs sh "$0" "$@"
fi

# What libraries keep for a user goes where any user may write.
export HOME=/tmp

case ${1-} in
    '' | -*) set -- python manage.py migrate_legacy_data "$@" ;;
esac

# Without these two the data would go into a file inside the container, and vanish with it.
needs_databases() {
    [ "${3-}" = migrate_legacy_data ] || return 1
    case " $* " in *' --help '* | *' -h '*) return 1 ;; esac
}
if needs_databases "$@"; then
    : "${DATABASE_URL:?is not set. It names the new database: postgresql://user:password@host/name}"
    : "${LEGACY_DATABASE_URL:?is not set. It names the old database: postgresql://user:password@host/name}"
fi
if [ "${3-}" = migrate_legacy_data ] && [ -z "${SECRET_KEY-}" ]; then
    # The command signs nothing: any key will do.
    SECRET_KEY=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
    export SECRET_KEY
fi

exec "$@"
