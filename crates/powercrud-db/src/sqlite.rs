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
        let read_only = if is_told("mode=ro") || is_told("immutable=true") || is_told("immutable=1") {
            Some("its address says so (mode=ro)".to_owned())
        } else {
            cannot_write(path)
        };
        // What is served for longer may be written by others meanwhile, unless nobody can.
        let is_still = to_look || (read_only.is_some() && is_read_only(folder_of(path)));
        Self { immutable: is_still && is_quiet_wal(path), to_look, read_only }
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
    // A journal has to be written beside it.
    is_read_only(folder_of(path)).then(|| "the folder of the file can't be written".to_owned())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.permissions().readonly())
}

/// Whether it is in WAL mode, and nobody has it open: then to read it as usual would make two files beside it.
/// <https://www.sqlite.org/fileformat2.html#file_format_version_numbers>
fn is_quiet_wal(path: &Path) -> bool {
    let mut head = [0; 20];
    let is_wal = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head[18] == 2;
    let mut beside = path.as_os_str().to_owned();
    beside.push("-wal");
    is_wal && !PathBuf::from(beside).exists()
}

/// What every connection to the file is told.
pub(super) fn options(sqlite: SqliteConnectOptions, file: &File) -> SqliteConnectOptions {
    let sqlite = sqlite.foreign_keys(true).busy_timeout(writers::BUSY).pragma("cache_size", "-4000");
    if file.to_look || file.read_only.is_some() {
        return sqlite.read_only(true).immutable(file.immutable);
    }
    sqlite.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal)
}
