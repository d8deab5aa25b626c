//! Slows down whoever guesses passwords: after a few failures for a name, each further try has to wait for longer.
//!
//! A try counts as failed before the password is looked at, so that many at once are not one. The name is kept as a hash: people type
//! their password there by mistake.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, OnConflict, Query, UpdateStatement},
};

use super::session::hashed;
use crate::{
    db::{Database, Dialect, Run as _, migrations::tables},
    error::Result,
};

/// So many failures are nobody's business.
const FREE: i64 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(15);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// After that time without a failure everything is forgotten.
const FORGET: Duration = Duration::from_secs(3600);

/// How long after so many failures the next try has to wait.
fn wait(failures: i64) -> Duration {
    let Ok(doublings) = u32::try_from(failures - FREE) else { return Duration::ZERO };
    FIRST_WAIT.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST_WAIT)
}

/// Counts a try to sign in as `name_key`. `Err` inside: how long it has to wait, and nothing was counted.
pub(super) async fn begin(database: &Database, name_key: &str) -> Result<std::result::Result<(), Duration>> {
    let name = hashed(name_key);
    let (connection, dialect) = (database.connection(), database.dialect());
    let mut forget = Query::delete();
    let long_ago = dialect.now().sub(FORGET.as_millis() as i64);
    forget.from_table(tables::LOGIN_FAILURE).and_where(Expr::col("last_failed_at").lt(long_ago));
    connection.delete(&forget).await?;
    loop {
        let mut insert = Query::insert();
        insert
            .into_table(tables::LOGIN_FAILURE)
            .columns(["name_hash", "failures", "last_failed_at"])
            .values_panic([name.as_str().into(), 0i64.into(), dialect.now()])
            .on_conflict(OnConflict::column("name_hash").do_nothing_on(["name_hash"]).to_owned());
        connection.insert(&insert).await?;
        let mut select = Query::select();
        select
            .column("failures")
            .expr(dialect.now().sub(Expr::col("last_failed_at")))
            .from(tables::LOGIN_FAILURE)
            .and_where(Expr::col("name_hash").eq(name.as_str()));
        let Some(row) = connection.row(&select).await? else { continue };
        let (failures, since): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let left = wait(failures).saturating_sub(Duration::from_millis(u64::try_from(since).unwrap_or(0)));
        if !left.is_zero() {
            return Ok(Err(left));
        }
        let mut update = change_of(&name);
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

/// The try that was counted has failed by now: the next one waits from here.
pub(super) async fn failed<C: ConnectionTrait>(transaction: &C, dialect: Dialect, name_key: &str) -> Result<()> {
    let mut update = change_of(&hashed(name_key));
    update.value("last_failed_at", dialect.now());
    transaction.update(&update).await?;
    Ok(())
}

/// Whether nobody has asked this since the last failure that was counted; of several at once one gets a yes.
pub(super) async fn is_first_in_wait<C: ConnectionTrait>(transaction: &C, name_key: &str) -> Result<bool> {
    let noted = Expr::col("noted_failures");
    let mut update = change_of(&hashed(name_key));
    update
        .value("noted_failures", Expr::col("failures"))
        .and_where(noted.clone().is_null().or(noted.lt(Expr::col("failures"))));
    Ok(transaction.update(&update).await? == 1)
}

fn change_of(name_hash: &str) -> UpdateStatement {
    Query::update().table(tables::LOGIN_FAILURE).and_where(Expr::col("name_hash").eq(name_hash)).take()
}

/// Forgets a name's failures: its user has signed in, or has a new password.
pub(super) async fn forget<C: ConnectionTrait>(connection: &C, name_key: &str) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(tables::LOGIN_FAILURE).and_where(Expr::col("name_hash").eq(hashed(name_key)));
    connection.delete(&delete).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        for (failures, seconds) in [(0, 0), (4, 0), (5, 15), (6, 30), (7, 60), (9, 240), (10, 300), (1_000_000, 300)] {
            assert_eq!(wait(failures).as_secs(), seconds, "{failures}");
        }
    }
}
