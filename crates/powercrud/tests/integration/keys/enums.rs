//! MySQL: a value that an ENUM does not allow, stored by a lax server, reads as the empty text, which may be a value of its own.

use powercrud::{
    Error, Selection, User,
    query::{ListParams, list},
    record,
    task::Status,
};

use crate::{
    shop::{carry_out, counts, delete, discovered, failures, in_background, keys, matching, rows, update},
    support::{TestDatabase, each_database},
};

each_database! { [mysql] an_invalid_value_is_no_other_key }

async fn an_invalid_value_is_no_other_key(database: TestDatabase) {
    database
        .execute(
            "SET sql_mode = '';
             CREATE TABLE odd (k ENUM('a', 'B', '', 'x,y') PRIMARY KEY, v varchar(40));
             INSERT INTO odd VALUES ('a', 'a'), ('B', 'b'), ('x,y', 'c'), ('bogus', 'wrong'), ('', 'empty');
             CREATE TABLE pair (k ENUM('a', ''), n integer, v varchar(40), PRIMARY KEY (k, n));
             INSERT INTO pair VALUES ('a', 1, 'a'), ('bogus', 1, 'wrong'), ('', 1, 'empty');",
        )
        .await;
    let app = discovered(&database).await;
    let resource = app.resource("odd").expect("a resource");
    let page = list(&app, resource, &ListParams::default()).await.expect("a list");
    let lost = page.rows.iter().find(|row| row.cells[1].value.to_text() == "wrong").expect("it is listed").key.clone();
    for result in [
        record::get(&app, resource, &lost).await.map(|_| ()),
        record::delete(&app, &User::operator(), resource, &lost).await,
        record::update(&app, &User::operator(), resource, &lost, &[("v".to_owned(), Some("x".to_owned()))])
            .await
            .map(drop),
    ] {
        assert!(matches!(result, Err(Error::RecordLost { .. })), "{result:?}");
    }
    assert_eq!(record::get(&app, resource, "").await.expect("the empty one").cells[1].value.to_text(), "empty");
    for table in ["odd", "pair"] {
        let total = rows(&database, table, &["v"]).await.len() as u64;
        for wrong in [delete(table, matching(&app, table, &["v=wrong"])), in_background(delete(table, keys([&lost])))] {
            if table == "pair" && matches!(wrong.selection, Selection::Keys(_)) {
                continue;
            }
            let task = carry_out(&app, wrong).await;
            assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 0)), "{table}");
            assert_eq!(failures(&app, &task).await[0].1, "UNKNOWN_RECORD", "{table}");
        }
        let task = carry_out(&app, in_background(update(table, Selection::All, [("v", Some("new"))]))).await;
        assert_eq!((task.status, counts(&task)), (Status::Partial, (total - 1, 1, 0)), "{table}");
        let found = rows(&database, table, &["v", "k"]).await;
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ["new", "wrong"], "{table}");
    }
    let task = carry_out(&app, delete("odd", keys(["", "a"]))).await;
    assert_eq!((counts(&task), task.missing_records), ((2, 0, 0), 0));
    assert_eq!(rows(&database, "odd WHERE k + 0 IN (1, 3)", &["k"]).await.len(), 0);
}
