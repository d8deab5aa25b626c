//! How a SQLite file is opened: as it can be, and so that a look leaves no trace.

use std::{
    fs::{self, OpenOptions},
    io::Read as _,
    path::{Path, PathBuf},
};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::writers;

/// A file that is about to be opened.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    /// Why it can only be read.
    pub(super) read_only: Option<String>,
    /// Why SQLite can't even read it, as it would have to be read for longer than a look.
    pub(super) unreadable: Option<String>,
    /// Whether nothing may be written, whatever could be.
    to_look: bool,
    /// Whether it can be read without a look at locks or files beside it.
    immutable: bool,
}

impl File {
    /// The file of an address; what is told of no SQLite file does no harm.
    pub(super) fn of_url(url: &str, to_look: bool) -> Self {
        let Some(options) = url.strip_prefix("sqlite:").and(url.parse::<SqliteConnectOptions>().ok()) else {
            return Self { to_look, ..Self::default() };
        };
        let path = options.get_filename();
        let is_told = |word: &str| url.split_once('?').is_some_and(|(_, rest)| rest.split('&').any(|one| one == word));
        let told_immutable = is_told("immutable=true") || is_told("immutable=1");
        let read_only = if told_immutable {
            Some("its address says so (immutable=1)".to_owned())
        } else if is_told("mode=ro") {
            Some("its address says so (mode=ro)".to_owned())
        } else {
            cannot_write(path)
        };
        let is_quiet_wal = is_wal(path) && !beside(path, "-wal").exists();
        // What is served for longer may be written by others meanwhile, unless nobody can.
        let is_still = told_immutable || (is_quiet_wal && read_only.is_some() && nobody_writes(folder_of(path)));
        let unreadable = if is_still { None } else { cannot_read(path) };
        Self { immutable: is_still || (to_look && is_quiet_wal), to_look, read_only, unreadable }
    }
}

/// Why the file can't be written, where it is there and can't.
fn cannot_write(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    if let Err(error) = OpenOptions::new().append(true).open(path) {
        return Some(format!("the file can't be written: {error}"));
    }
    let error = cannot_write_in(folder_of(path))?;
    Some(format!("SQLite writes a journal beside the file, and its folder can't be written: {error}"))
}

/// Why the file can't be read, where it is in WAL mode: readers then write beside it too, unless the files for that are there.
/// <https://www.sqlite.org/wal.html#read_only_databases>
fn cannot_read(path: &Path) -> Option<String> {
    let is_ready = || beside(path, "-wal").exists() && beside(path, "-shm").exists();
    if !is_wal(path) || is_ready() {
        return None;
    }
    let folder = folder_of(path);
    let error = cannot_write_in(folder)?;
    Some(format!(
        "the file is in WAL mode, in which SQLite writes beside a file also to read it, and the folder {} can't be written: {error}; make \
         the folder writable, or turn the file back where it can be written (PRAGMA journal_mode = DELETE), or add immutable=1 to the \
         address (sqlite:PATH?immutable=1) where nobody writes the file while it is read",
        folder.display()
    ))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    PathBuf::from(beside)
}

/// Why this process can make no files in a folder that is there.
#[cfg(unix)]
fn cannot_write_in(folder: &Path) -> Option<String> {
    use nix::unistd::{AccessFlags, access};
    let denied = access(folder, AccessFlags::W_OK | AccessFlags::X_OK).err();
    denied.filter(|_| folder.is_dir()).map(|error| error.desc().to_owned())
}

/// Why this process can make no files in a folder that is there, as far as its own bit tells.
#[cfg(not(unix))]
fn cannot_write_in(folder: &Path) -> Option<String> {
    fs::metadata(folder).is_ok_and(|about| about.permissions().readonly()).then(|| "it is read-only".to_owned())
}

/// Whether nobody at all may make files in a folder, save for who may do anything.
fn nobody_writes(folder: &Path) -> bool {
    cannot_write_in(folder).is_some() && fs::metadata(folder).is_ok_and(|about| about.permissions().readonly())
}

/// Whether the file is in WAL mode. <https://www.sqlite.org/fileformat2.html#file_format_version_numbers>
fn is_wal(path: &Path) -> bool {
    let mut head = [0; 20];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head[18] == 2
}

/// What every connection to the file is told.
pub(super) fn options(sqlite: SqliteConnectOptions, file: &File) -> SqliteConnectOptions {
    let sqlite = sqlite.foreign_keys(true).busy_timeout(writers::BUSY).pragma("cache_size", "-4000");
    if file.to_look || file.read_only.is_some() {
        return sqlite.read_only(true).immutable(file.immutable);
    }
    sqlite.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal)
}
