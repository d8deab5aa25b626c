//! What can go wrong. No error tells an address, which may hold a password.

/// What went wrong between this process and a broker.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// An address that is none, in words that tell no password.
    #[error("{0}")]
    Address(String),
    /// The broker can't be reached, or refused what it was asked.
    #[error("{0}")]
    Broker(String),
    /// A message that is none of Celery's.
    #[error("that is no message of Celery: {0}")]
    NotCelery(String),
    /// Something that a sender asked for and this crate does not do.
    #[error("{0}")]
    Unsupported(String),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        Self::Broker(match error.detail() {
            Some(detail) => format!("Redis: {} ({detail})", error.category()),
            None => format!("Redis: {error}"),
        })
    }
}

impl From<lapin::Error> for Error {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(format!("RabbitMQ: {error}"))
    }
}
