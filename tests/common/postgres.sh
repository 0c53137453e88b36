# The watcher of one throwaway server: it alone touches the server, as its requests on standard input say.
#
# **When standard input ends, the server ends and its folder goes**, whatever became of the process that asked.
#
# From the environment: BIN, the folder of PostgreSQL's programs; AS, the words that make a command run as the server's
# user; OWNER, that user, both empty unless we are root; TEMPLATE, the data of a new server; SETTINGS; TMPDIR.

# An answer that nobody hears any more must not be the end of us.
trap '' PIPE
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/acceso-postgres-XXXXXX") && cd "$folder" || exit 1
[ -z "$OWNER" ] || chown "$OWNER" "$folder"
server=

# A collation that is not that of bytes, so that a store which leaves order or equality to it is found out.
initialise() {
    for locale in "--locale=C.UTF-8 --locale-provider=icu --icu-locale=es" "--locale=en_US.UTF-8" "--locale=C"; do
        rm -rf data
        # shellcheck disable=SC2086
        $AS "$BIN/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --no-sync --wal-segsize=1 $locale && return
    done
    return 1
}

# The server is a child of this shell, not of pg_ctl, so that its death is known without a wait. That it is ready is
# known as pg_ctl knows it.
start() {
    # shellcheck disable=SC2086
    $AS "$BIN/postgres" -D "$folder/data" -p "$1" $SETTINGS </dev/null 3>&- &
    server=$!
    until [ "$(sed -n '1p;8p' data/postmaster.pid 2>/dev/null | tr -s ' \n' ' ')" = "$server ready " ]; do
        kill -0 "$server" 2>/dev/null || { server=; return 1; }
        sleep 0.01
    done
}

finish() {
    [ -n "$server" ] || return 0
    kill "-$1" "$server"
    wait "$server"
    server=
}

# Stopped first, so that no child is born after they were counted. Dead children hold the shared memory no longer, even
# if nobody buries them.
crash() {
    kill -STOP "$server"
    children=$(ps -A -o ppid= -o pid= | awk -v parent="$server" '$1 == parent { print $2 }')
    # shellcheck disable=SC2086
    kill -KILL $children
    finish KILL
    for child in $children; do
        while state=$(ps -o stat= -p "$child"); do
            case $state in Z*) break ;; *) sleep 0.01 ;; esac
        done
    done
}

while read -r verb argument; do
    case $verb in
    folder) echo "$folder" >&3 ;;
    make) initialise && cp -a data "$TEMPLATE.$$" && echo "$TEMPLATE.$$" >&3 ;;
    copy) cp -a "$TEMPLATE" data && echo copied >&3 ;;
    # shellcheck disable=SC2086
    follow)
        $AS "$BIN/pg_basebackup" -d "host=127.0.0.1 port=$argument user=postgres" -D "$folder/data" \
            -R -X stream -c fast --no-sync && echo copied >&3
        ;;
    start) finish INT; start "$argument" && echo started >&3 ;;
    stop) finish INT; echo stopped >&3 ;;
    kill) crash; echo killed >&3 ;;
    esac || echo failed >&3
done 3>&1 >>"$folder/log" 2>&1 || true

finish QUIT >/dev/null 2>&1
cd / && rm -rf "$folder" "$TEMPLATE.$$"
