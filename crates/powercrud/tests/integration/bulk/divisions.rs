//! MySQL: a rule that divides takes a division by zero for NULL where it is only asked, and refuses it where a row is written.

use powercrud::{
    Selection,
    bulk::plan,
    task::{Status, store},
};

use crate::{
    shop::{carry_out, discovered, in_background, update},
    support::{TestDatabase, each_database},
};

each_database! { [mysql] a_rule_that_divides_is_unknown }

async fn a_rule_that_divides_is_unknown(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE part (id integer PRIMARY KEY, a integer NOT NULL, b integer NOT NULL, CONSTRAINT ratio CHECK (100 / b > a),
               CONSTRAINT half CHECK (a / 2 < 1000 AND a MOD 7 < 7));
             INSERT INTO part VALUES (1, 5, 2), (2, 6, 3);",
        )
        .await;
    let app = discovered(&database).await;
    let request = |b| update("part", Selection::All, [("b", Some(b))]);
    let seen = plan(&app, request("0")).await.expect("a plan").preview().await.expect("a preview");
    assert_eq!(seen.unknown, ["CHECK ratio"]);
    let seen = plan(&app, request("50")).await.expect("a plan").preview().await.expect("a preview");
    assert_eq!((seen.failing_records, seen.failures[0].code.as_str()), (2, "CHECK"));
    let task = carry_out(&app, in_background(request("0"))).await;
    assert_eq!(task.status, Status::Failure);
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_deref()), ("CHECK", None));
    assert!(errors[0].message.contains("divides by zero"), "{}", errors[0].message);
}
