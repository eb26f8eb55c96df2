#!/usr/bin/env bash
# with-services.sh COMMAND...: runs COMMAND with TEST_POSTGRES_URL and TEST_REDIS_URL. Where one is not set, starts a
# private server on a free port, its data in a temporary directory, and stops it at the end, also when interrupted.
set -euo pipefail
set -m # each job is a process group of its own: stopping one stops all of it

dir=$(mktemp -d)
chmod 711 "$dir" # postgres may run as another user
servers=()
command=

stop() {
	trap '' INT TERM
	if [[ -n $command ]]; then
		kill -TERM -- "-$command" 2>/dev/null || true
		wait "$command" || true
	fi
	for server in ${servers[@]+"${servers[@]}"}; do
		kill -INT -- "-$server" 2>/dev/null || true # postgres: without waiting for its clients
	done
	wait
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Servers end with this script even when it is killed, where the system can do that.
bound=()
command -v setpriv >/dev/null && bound=(setpriv --pdeathsig INT)

# start NAME: calls NAME_server with a port, again while another has that port, and leaves it in $port. NAME_ready asks over a socket in $dir, so
# that no other server answers.
start() {
	local name=$1
	for _ in {1..10}; do
		port=$((20000 + RANDOM % 12000)) # below the range that the system gives to clients
		"${name}_server" "$port" >"$dir/$name.log" 2>&1 &
		servers+=($!)
		for _ in {1..300}; do
			! "${name}_ready" "$port" &>/dev/null || return 0
			kill -0 $! 2>/dev/null || continue 2
			sleep 0.1
		done
		break
	done
	echo "$name did not start:" >&2
	cat "$dir/$name.log" >&2
	exit 1
}

redis_server() {
	exec "${bound[@]}" redis-server --bind 127.0.0.1 --port "$1" --unixsocket "$dir/redis.sock" \
		--dir "$dir" --save '' --appendonly no
}
redis_ready() { redis-cli -s "$dir/redis.sock" ping; }

initdb=$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || true)
postgres_bin=$(dirname "$(readlink -f "$initdb")")
postgres_user=()
if ((EUID == 0)); then # postgres refuses to run as root
	postgres_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
# Tests need not survive a power cut, and have many connections; POSTGRES_DURABLE=1 measures what does.
postgres_settings=(-c max_connections=200)
if [[ -z ${POSTGRES_DURABLE:-} ]]; then
	postgres_settings+=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
fi
postgres_init() {
	mkdir "$dir/postgres"
	((EUID != 0)) || chown postgres: "$dir/postgres"
	cd "$dir/postgres"
	"${postgres_user[@]}" "$postgres_bin/initdb" --pgdata data --username postgres --auth trust --encoding UTF8 \
		--locale C --no-sync
}
postgres_server() {
	cd "$dir/postgres"
	exec "${postgres_user[@]}" "${bound[@]}" "$postgres_bin/postgres" -D data -k "$dir/postgres" -h 127.0.0.1 -p "$1" \
		"${postgres_settings[@]}"
}
postgres_ready() { "$postgres_bin/pg_isready" -h "$dir/postgres" -p "$1" -U postgres; }

if [[ -z ${TEST_REDIS_URL:-} ]]; then
	start redis
	export TEST_REDIS_URL="redis://127.0.0.1:$port/0"
fi
if [[ -z ${TEST_POSTGRES_URL:-} ]]; then
	(postgres_init) >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
	start postgres
	export TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
fi

# In the background, so that an interruption reaches this script while it waits.
"$@" &
command=$!
wait "$command"
