# Sourced by scripts/test: installs what is missing and starts the databases, or finds them. Sets POWERCRUD_TEST_POSTGRES_URL and
# POWERCRUD_TEST_MYSQL_URL. Expects $work (a temporary folder), skip NAME REASON and step NAME COMMAND.

postgres_data="" mariadb_data="" mariadb_pid=""

# need COMMAND: whether it is there.
need() {
  command -v "$1" >/dev/null 2>&1
}

postgres_bin() {
  local folder
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr); do
    [ -x "$folder/initdb" ] && { echo "$folder"; return; }
  done
  need initdb && dirname "$(command -v initdb)"
}

# Whether Python can make an environment of its own.
has_venv() {
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1
}

# Puts schemathesis, which tests the JSON API, into an environment of its own, and its path into $schemathesis.
install_schemathesis() {
  local home
  home=$(realpath -m "${CARGO_TARGET_DIR:-target}")/schemathesis
  schemathesis=$home/bin/schemathesis
  "$schemathesis" --version 2>/dev/null | grep -q " 4.32.5$" && return
  python3 -m venv --clear "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5
}

# Puts aiosmtpd, a mail server for tests, into an environment of its own, and its Python into POWERCRUD_TEST_AIOSMTPD.
install_aiosmtpd() {
  local home
  home=$(realpath -m "${CARGO_TARGET_DIR:-target}")/aiosmtpd
  if ! "$home/bin/python" -c 'import importlib.metadata as m; assert m.version("aiosmtpd") == "1.4.6"' 2>/dev/null; then
    python3 -m venv --clear "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check aiosmtpd==1.4.6 || return 1
  fi
  export POWERCRUD_TEST_AIOSMTPD=$home/bin/python
}

# Puts Celery, beside which workers are tested, into environments of their own, and their Pythons into POWERCRUD_TEST_CELERY_5_5 and …_5_6.
install_celery() {
  local version home
  for version in 5.5.3 5.6.2; do
    home=$(realpath -m "${CARGO_TARGET_DIR:-target}")/celery-${version%.*}
    if [ ! -e "$home/ready-$version" ]; then
      python3 -m venv --clear "$home" &&
        "$home/bin/pip" install --quiet --disable-pip-version-check "celery[redis]==$version" flower==2.2.0 &&
        touch "$home/ready-$version" || return 1
    fi
    version=${version%.*}
    export "POWERCRUD_TEST_CELERY_${version/./_}=$home/bin/python"
  done
}

# Whether RabbitMQ answers on this machine, and lets tests make virtual hosts; as root on Debian it is started.
start_rabbitmq() {
  need rabbitmqctl || return 1
  if ! port_answers 5672 && [ "$(id -u)" = 0 ]; then
    rabbitmq-server -detached >/dev/null 2>&1 || true
  fi
  timeout 120 rabbitmqctl --quiet await_startup && port_answers 5672
}

# As root on Debian, everything at once; else the steps that need it are skipped by name.
install_packages() {
  local packages=()
  need cc || packages+=(gcc libc6-dev)
  [ -n "${POWERCRUD_TEST_POSTGRES_URL:-}" ] || [ -n "$(postgres_bin)" ] || postgres_answers || packages+=(postgresql)
  [ -n "${POWERCRUD_TEST_MYSQL_URL:-}" ] || need mariadbd || mariadb_answers || packages+=(mariadb-server)
  need redis-server || packages+=(redis-server)
  need rabbitmqctl || packages+=(rabbitmq-server)
  if [ -f e2e/package.json ]; then
    need chromium || packages+=(chromium)
  fi
  if [ -f e2e/package.json ] || [ -x scripts/build-assets ]; then
    need node || packages+=(nodejs)
    need npm || packages+=(npm)
  fi
  has_venv || packages+=(python3-venv)
  if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && need apt-get; then
      echo "installing ${packages[*]}"
      step "package lists" apt-get update -qq || true
      step "packages" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" || true
    else
      echo "not installed, and only root can: ${packages[*]}"
    fi
  fi
  if ! need cargo-nextest; then
    step "cargo-nextest" cargo install --locked --quiet cargo-nextest || true
    need cargo-nextest || skip "cargo-nextest" "it can't be installed; cargo test runs the tests instead"
  fi
}

postgres_port=${POWERCRUD_TEST_POSTGRES_PORT:-5432}
mariadb_port=${POWERCRUD_TEST_MYSQL_PORT:-3306}

# Whether the TCP port of this machine answers at all.
port_answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

postgres_answers() {
  port_answers "$postgres_port" && need psql &&
    PGCONNECT_TIMEOUT=5 psql -w -h 127.0.0.1 -p "$postgres_port" -U postgres -d postgres -Atc 'SELECT 1' >/dev/null 2>&1
}

mariadb_answers() {
  port_answers "$mariadb_port" && need mariadb &&
    mariadb --no-defaults -h 127.0.0.1 -P "$mariadb_port" -u root --connect-timeout=5 -e 'SELECT 1' >/dev/null 2>&1
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    port_answers "$port" || { echo "$port"; return; }
  done
}

# as USER COMMAND…: servers refuse to run as root, so root runs them as their own user.
as() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    runuser -u "$user" -- "$@"
  else
    "$@"
  fi
}

# A private server for tests: nothing it holds outlives it, so it need not wait for the disk, and it has room for all tests at once.
start_postgres() {
  local bin port
  bin=$(postgres_bin)
  port=$(free_port)
  postgres_data=$work/postgres
  mkdir -p "$postgres_data"
  [ "$(id -u)" != 0 ] || chown postgres "$postgres_data"
  as postgres "$bin/initdb" -D "$postgres_data" -U postgres --auth=trust --encoding=UTF8 --no-locale -N || return 1
  local ssl=off
  # With TLS, as most servers are.
  if need openssl; then
    as postgres openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost \
      -keyout "$postgres_data/server.key" -out "$postgres_data/server.crt" && ssl=on
  fi
  as postgres "$bin/pg_ctl" -D "$postgres_data" -w -l "$postgres_data/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$postgres_data' -c fsync=off -c max_connections=500 -c ssl=$ssl" \
    start || return 1
  postgres_port=$port
}

start_mariadb() {
  local port data
  port=$(free_port)
  data=$(mktemp -d "$work/mariadb.XXXXXX")
  mariadb_data=$data
  [ "$(id -u)" != 0 ] || chown mysql "$data"
  as mysql mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal --skip-test-db || return 1
  as mysql mariadbd --no-defaults --datadir="$data" --socket="$data/socket" --pid-file="$data/pid" --port="$port" \
    --bind-address=127.0.0.1 --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=512M --max-connections=500 \
    >"$data/log" 2>&1 &
  mariadb_pid=$!
  mariadb_port=$port
  for _ in $(seq 150); do
    mariadb_answers && return
    sleep 0.2
  done
  cat "$data/log"
  return 1
}

stop_databases() {
  [ -z "$postgres_data" ] || as postgres "$(postgres_bin)/pg_ctl" -D "$postgres_data" -m immediate stop >/dev/null 2>&1 || true
  if [ -n "$mariadb_pid" ]; then
    # runuser does not hand the signal on, so the server itself is told, by the id that it wrote down.
    kill "$(cat "$mariadb_data/pid" 2>/dev/null || echo "$mariadb_pid")" 2>/dev/null || true
    wait "$mariadb_pid" 2>/dev/null || true
  fi
}

# Whether the private server has crashed.
mariadb_crashed() {
  [ -n "$mariadb_data" ] && grep -aq 'got signal' "$mariadb_data/log"
}

# Whether both servers still answer; what one that does not wrote last is shown.
servers_answer() {
  local answers=0
  if [ -n "${POWERCRUD_TEST_POSTGRES_URL:-}" ] && ! port_answers "$postgres_port"; then
    echo "PostgreSQL on port $postgres_port does not answer any more"
    [ -z "$postgres_data" ] || tail -n 60 "$postgres_data/log"
    answers=1
  fi
  if [ -n "${POWERCRUD_TEST_MYSQL_URL:-}" ] && ! port_answers "$mariadb_port"; then
    echo "MariaDB on port $mariadb_port does not answer any more"
    [ -z "$mariadb_data" ] || grep -v 'Aborted connection' "$mariadb_data/log" | tail -n 120
    answers=1
  fi
  return $answers
}

set_up() {
  chmod 755 "$work"
  install_packages
  set_up_postgres
  set_up_mariadb
}

set_up_postgres() {
  [ -z "${POWERCRUD_TEST_POSTGRES_URL:-}" ] || { postgres_port=$(port_of "$POWERCRUD_TEST_POSTGRES_URL" 5432); return; }
  if [ -z "${POWERCRUD_TEST_POSTGRES_PORT:-}" ] && [ -n "$(postgres_bin)" ]; then
    step "PostgreSQL, private" start_postgres || true
  fi
  if postgres_answers; then
    [ -n "$postgres_data" ] || printf '%-28s%s\n' "PostgreSQL" "answers on port $postgres_port"
    export POWERCRUD_TEST_POSTGRES_URL=postgres://postgres@127.0.0.1:$postgres_port/postgres
  else
    skip "tests on PostgreSQL" "none could be started, and no server answers on port $postgres_port as postgres"
  fi
}

set_up_mariadb() {
  [ -z "${POWERCRUD_TEST_MYSQL_URL:-}" ] || { mariadb_port=$(port_of "$POWERCRUD_TEST_MYSQL_URL" 3306); return; }
  if [ -z "${POWERCRUD_TEST_MYSQL_PORT:-}" ] && need mariadbd; then
    step "MariaDB, private" start_mariadb || true
  fi
  if mariadb_answers; then
    [ -n "$mariadb_pid" ] || printf '%-28s%s\n' "MariaDB" "answers on port $mariadb_port"
    export POWERCRUD_TEST_MYSQL_URL=mysql://root@127.0.0.1:$mariadb_port/mysql
  else
    skip "tests on MariaDB" "none could be started, and no server answers on port $mariadb_port as root"
  fi
}

# port_of URL DEFAULT
port_of() {
  local port
  port=$(sed -nE 's|^[a-z+]+://[^/]*:([0-9]+)(/.*)?$|\1|p' <<<"$1")
  echo "${port:-$2}"
}
