//! Slows down whoever guesses passwords: after a few failures for a name from an address, each further try has to wait for longer.
//!
//! Failures are counted by name and address together, so that a stranger keeps nobody out, and by the address alone, so that it can't
//! try one password with every name. Where the address is not known, a name is all there is.
//!
//! A try counts as failed before the password is looked at, so that many at once are not one. Names are kept as hashes: people type
//! their password there by mistake.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, OnConflict, Query, UpdateStatement},
};

use powercrud_db::{Database, Dialect, QueryExt as _};
use powercrud_engine::{digest::digest, error::Result, own::tables};

/// So many failures for one name are free.
const FREE: i64 = 5;
/// So many for all names from one address, which may be that of a whole office.
const FREE_OF_ADDRESS: i64 = 100;
const FIRST_WAIT: Duration = Duration::from_secs(15);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// After so long without a failure all is forgotten.
const FORGET: Duration = Duration::from_secs(3600);

/// Digits of a hash; two of these are a row's key.
const HALF: usize = 32;

/// Who is being guessed, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Guess {
    /// The name as it is compared.
    pub(super) name_key: String,
    address: Option<IpAddr>,
}

impl Guess {
    pub(crate) fn new(name: &str, address: Option<IpAddr>) -> Self {
        Self { name_key: super::name_key(name), address: address.map(network) }
    }

    /// The row that counts this name's failures from here.
    pub(super) fn row(&self) -> String {
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        format!("{}{}", half(&self.name_key), half(&address))
    }

    /// The row that counts all failures from here. Everybody on this machine, and behind a proxy on it that is not in `trusted_proxies`,
    /// has the loopback address, so there is none for it.
    fn row_of_address(&self) -> Option<String> {
        let address = self.address.filter(|address| !address.is_loopback())?;
        Some(format!("{}{}", "0".repeat(HALF), half(&address.to_string())))
    }
}

/// Who has one IPv6 address has the 2⁶⁴ around it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        address => address,
    }
}

fn half(text: &str) -> String {
    digest(text)[..HALF].to_owned()
}

/// How long after the last failure the next try may come.
fn wait(failures: i64, free: i64) -> Duration {
    let Ok(doublings) = u32::try_from(failures - free) else { return Duration::ZERO };
    FIRST_WAIT.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST_WAIT)
}

/// Counts a try as failed, or says how long it has to wait.
pub(super) async fn begin(database: &Database, guess: &Guess) -> Result<std::result::Result<(), Duration>> {
    let (connection, dialect) = (database.connection(), database.dialect());
    let mut forget = Query::delete();
    let long_ago = dialect.now().sub(FORGET.as_millis() as i64);
    forget.from_table(tables::LOGIN_FAILURE).and_where(Expr::col("last_failed_at").lt(long_ago));
    connection.delete(&forget).await?;
    if let Some(row) = guess.row_of_address()
        && let Err(wait) = count(database, &row, FREE_OF_ADDRESS).await?
    {
        return Ok(Err(wait));
    }
    count(database, &guess.row(), FREE).await
}

async fn count(database: &Database, row: &str, free: i64) -> Result<std::result::Result<(), Duration>> {
    let (connection, dialect) = (database.connection(), database.dialect());
    loop {
        let mut insert = Query::insert();
        insert
            .into_table(tables::LOGIN_FAILURE)
            .columns(["name_hash", "failures", "last_failed_at"])
            .values_panic([row.into(), 0i64.into(), dialect.now()])
            .on_conflict(OnConflict::column("name_hash").do_nothing_on(["name_hash"]).to_owned());
        connection.insert(&insert).await?;
        let mut select = Query::select();
        select
            .column("failures")
            .expr(dialect.now().sub(Expr::col("last_failed_at")))
            .from(tables::LOGIN_FAILURE)
            .and_where(Expr::col("name_hash").eq(row));
        let Some(found) = connection.row(&select).await? else { continue };
        let (failures, since): (i64, i64) = (found.try_get_by_index(0)?, found.try_get_by_index(1)?);
        let left = wait(failures, free).saturating_sub(Duration::from_millis(u64::try_from(since).unwrap_or(0)));
        if !left.is_zero() {
            return Ok(Err(left));
        }
        let mut update = change_of(row);
        update
            .value("failures", failures + 1)
            .value("last_failed_at", dialect.now())
            .and_where(Expr::col("failures").eq(failures));
        // Where another try was counted in between, look again.
        if connection.update(&update).await? == 1 {
            return Ok(Ok(()));
        }
    }
}

/// Lets the wait begin now, when the try that was counted has failed.
pub(super) async fn failed<C: ConnectionTrait>(transaction: &C, dialect: Dialect, guess: &Guess) -> Result<()> {
    let mut update = change_of(&guess.row());
    update.value("last_failed_at", dialect.now());
    transaction.update(&update).await?;
    Ok(())
}

/// Whether no other try was turned away since the last failure.
pub(super) async fn is_first_in_wait<C: ConnectionTrait>(transaction: &C, guess: &Guess) -> Result<bool> {
    let noted = Expr::col("noted_failures");
    let mut update = change_of(&guess.row());
    update
        .value("noted_failures", Expr::col("failures"))
        .and_where(noted.clone().is_null().or(noted.lt(Expr::col("failures"))));
    Ok(transaction.update(&update).await? == 1)
}

fn change_of(row: &str) -> UpdateStatement {
    Query::update().table(tables::LOGIN_FAILURE).and_where(Expr::col("name_hash").eq(row)).take()
}

/// The right password was given: the failures from here are forgotten, and of those of the address this one.
pub(super) async fn succeeded<C: ConnectionTrait>(connection: &C, guess: &Guess) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(tables::LOGIN_FAILURE).and_where(Expr::col("name_hash").eq(guess.row()));
    connection.delete(&delete).await?;
    if let Some(row) = guess.row_of_address() {
        let mut update = change_of(&row);
        update.value("failures", Expr::col("failures").sub(1i64)).and_where(Expr::col("failures").gt(0i64));
        connection.update(&update).await?;
    }
    Ok(())
}

/// Forgets the failures of a name from everywhere: it has another password.
pub(super) async fn forget<C: ConnectionTrait>(connection: &C, name_key: &str) -> Result<()> {
    let begin = half(name_key);
    let mut delete = Query::delete();
    delete
        .from_table(tables::LOGIN_FAILURE)
        .and_where(Expr::col("name_hash").gte(begin.as_str()))
        // After every hexadecimal digit.
        .and_where(Expr::col("name_hash").lt(format!("{begin}g")));
    connection.delete(&delete).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        for (failures, seconds) in [(0, 0), (4, 0), (5, 15), (6, 30), (7, 60), (9, 240), (10, 300), (1_000_000, 300)] {
            assert_eq!(wait(failures, FREE).as_secs(), seconds, "{failures}");
        }
    }

    #[test]
    fn a_row_is_a_name_s_from_one_network() {
        let row = |name: &str, address: &str| Guess::new(name, Some(address.parse().unwrap())).row();
        assert_eq!(row("Ann ", "192.0.2.1"), row("ann", "::ffff:192.0.2.1"));
        assert_eq!(row("ann", "2001:db8::1"), row("ann", "2001:db8::2"));
        assert_ne!(row("ann", "192.0.2.1"), row("ann", "192.0.2.2"));
        assert_ne!(row("ann", "2001:db8::1"), row("ann", "2001:db8:0:1::1"));
        assert_ne!(row("ann", "192.0.2.1"), row("bob", "192.0.2.1"));
        assert_eq!(row("ann", "192.0.2.1").len(), 64);
        assert_eq!(row("ann", "192.0.2.1")[..HALF], Guess::new("ann", None).row()[..HALF]);
        assert!(Guess::new("ann", Some("127.0.0.1".parse().unwrap())).row_of_address().is_none());
    }
}
