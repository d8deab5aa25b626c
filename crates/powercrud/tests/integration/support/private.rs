//! A database server of one test's own, which may crash.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use powercrud::db::Database;

use super::{Kind, skip};

/// Ends with its files when it is dropped.
pub(crate) struct Server {
    kind: Kind,
    folder: PathBuf,
    port: u16,
    process: Option<Child>,
    /// An empty database on it.
    pub(crate) url: String,
}

impl Server {
    /// A server that answers; `None`, and said so, where its program is not installed.
    pub(crate) async fn create(kind: Kind) -> Option<Self> {
        let program = if kind == Kind::Postgres { "initdb" } else { "mariadbd" };
        if find(program).is_none() {
            skip(&format!("a server of its own of {kind:?}"), &format!("{program} is not installed"));
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let folder = std::env::temp_dir().join(format!("powercrud_server_{}_{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let url = match kind {
            Kind::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable"),
            _ => format!("mysql://root@127.0.0.1:{port}/mysql"),
        };
        let mut server = Self { kind, folder, port, process: None, url };
        server.initialise();
        server.start().await;
        if kind == Kind::Mysql {
            let made = Database::connect(&server.url).await.expect("a server that answers");
            let sql = "CREATE DATABASE crashing";
            sea_orm::ConnectionTrait::execute_unprepared(made.connection(), sql).await.expect("a database");
            server.url = format!("mysql://root@127.0.0.1:{port}/crashing");
        }
        Some(server)
    }

    fn initialise(&self) {
        let data = self.folder.join("data");
        std::fs::create_dir_all(&data).expect("a folder");
        own(&self.folder, self.account());
        let command = match self.kind {
            Kind::Postgres => {
                let mut command = self.command("initdb");
                command.arg("-D").arg(&data).args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
                command
            }
            _ => {
                let mut command = self.command("mariadb-install-db");
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
                command
            }
        };
        let output = { command }.output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts the server, and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let (data, folder) = (self.folder.join("data"), self.folder.display());
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = self.command("postgres");
                command.arg("-D").arg(&data).args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
                command.args(["-c", &format!("unix_socket_directories={folder}")]);
                command
            }
            _ => {
                let mut command = self.command("mariadbd");
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={folder}/socket")).arg(format!("--pid-file={folder}/pid"));
                command.arg(format!("--port={}", self.port)).arg("--bind-address=127.0.0.1");
                command
            }
        };
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the server starts"));
        let deadline = Instant::now() + Duration::from_secs(90);
        while let Err(error) = Database::connect(&self.url).await {
            assert!(Instant::now() < deadline, "the server does not answer: {error}");
        }
    }

    /// Ends the server at once, without a word to anybody.
    pub(crate) fn crash(&mut self) {
        let pid = match self.kind {
            Kind::Postgres => self.folder.join("data/postmaster.pid"),
            _ => self.folder.join("pid"),
        };
        let pid = std::fs::read_to_string(pid).expect("the server has written down its number");
        let pid = pid.lines().next().unwrap_or_default().trim().to_owned();
        // PostgreSQL's children are only told by their parent, so it is told to drop everything; that is a crash to the next start.
        let signal = if self.kind == Kind::Postgres { "-QUIT" } else { "-KILL" };
        let told = Command::new("kill").args([signal, &pid]).status().expect("kill starts");
        assert!(told.success());
        if let Some(mut process) = self.process.take() {
            let _ = process.wait();
        }
    }

    /// The account that the server runs as: it refuses to be root.
    fn account(&self) -> &'static str {
        if self.kind == Kind::Postgres { "postgres" } else { "mysql" }
    }

    fn command(&self, program: &str) -> Command {
        let program = find(program).unwrap_or_else(|| panic!("{program} is not installed"));
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", self.account(), "--"]).arg(program);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.crash();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn own(folder: &Path, account: &str) {
    if is_root() {
        let given = Command::new("chown").arg("-R").arg(account).arg(folder).status().expect("chown starts");
        assert!(given.success());
    }
}

/// A program in the search path, or where Debian keeps PostgreSQL's and servers.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&path));
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join(program)).find(|program| program.is_file())
}
