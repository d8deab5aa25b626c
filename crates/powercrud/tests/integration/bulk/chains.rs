//! Deletes of records that refer to each other in a chain, or that others can't do without: preview and task name the same records, and say
//! who is in the way.

use powercrud::{
    Error, PowerCrud, Selection, User,
    bulk::{BulkRequest, Preview, plan},
    record,
    task::{BulkTask, Status, store},
};

use crate::{
    shop::{carry_out, counts, delete, discovered, in_background, keys},
    support::{TestDatabase, each_database},
};

each_database! { a_chain_is_kept_by_its_end, pairs_in_two_directions }
each_database! { [sqlite postgres] a_reference_that_must_not_be_empty }

async fn preview(app: &PowerCrud, request: BulkRequest) -> Preview {
    plan(app, request).await.expect("a plan").preview().await.expect("a preview")
}

async fn reasons(app: &PowerCrud, task: &BulkTask) -> Vec<String> {
    let errors = store::errors(app, &powercrud::User::operator(), task.id, 0, 100).await.expect("errors");
    errors
        .into_iter()
        .map(|error| format!("{} {} {:?} {}", error.record_key, error.code, error.field, error.message))
        .collect()
}

async fn a_chain_is_kept_by_its_end(database: TestDatabase) {
    let chain: Vec<_> = (2..=30).map(|id| format!("({id}, {}, 'n')", id - 1)).collect();
    database
        .execute(&format!(
            "CREATE TABLE link (id integer PRIMARY KEY, parent integer, name varchar(20), FOREIGN KEY (parent) REFERENCES link (id));
             INSERT INTO link VALUES (1, NULL, 'n');
             INSERT INTO link VALUES {};
             INSERT INTO link VALUES (50, NULL, 'n'), (51, 50, 'n');",
            chain.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    // 30 stays, so 29 does, and so on; 50 and 51 go.
    let request = || delete("link", keys((1..=29).chain([50, 51])));
    let seen = preview(&app, request()).await;
    assert_eq!((seen.changing_records, seen.failing_records), (2, 29), "{seen:?}");
    let task = carry_out(&app, in_background(request())).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 29, 0)));
    let reasons = reasons(&app, &task).await;
    assert!(
        reasons.iter().all(|reason| reason.contains("links refer to it (") && reason.contains("link.parent")),
        "{reasons:?}"
    );
    let seen = preview(&app, delete("link", Selection::All)).await;
    assert_eq!((seen.changing_records, seen.failing_records), (30, 0), "{seen:?}");
}

/// A key of two columns, and two references.
async fn pairs_in_two_directions(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE node (a varchar(10) NOT NULL, b integer NOT NULL, la varchar(10), lb integer, ra varchar(10), rb integer, PRIMARY KEY (a, b),
               FOREIGN KEY (la, lb) REFERENCES node (a, b), FOREIGN KEY (ra, rb) REFERENCES node (a, b));
             INSERT INTO node VALUES ('x', 1, NULL, NULL, NULL, NULL), ('x', 2, 'x', 1, NULL, NULL), ('x', 3, NULL, NULL, 'x', 2),
               ('x', 4, 'x', 3, NULL, NULL), ('y', 1, NULL, NULL, NULL, NULL);",
        )
        .await;
    let app = discovered(&database).await;
    let chosen = [r#"["x","1"]"#, r#"["x","2"]"#, r#"["x","3"]"#, r#"["y","1"]"#];
    let seen = preview(&app, delete("node", keys(chosen))).await;
    assert_eq!((seen.changing_records, seen.failing_records), (1, 3), "{seen:?}");
    let task = carry_out(&app, in_background(delete("node", keys(chosen)))).await;
    assert_eq!(counts(&task), (1, 3, 0));
}

/// What refers to a record and must refer to something keeps it.
async fn a_reference_that_must_not_be_empty(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE rp (code varchar(10) PRIMARY KEY, name varchar(20));
             CREATE TABLE rc (id integer PRIMARY KEY, code varchar(10) NOT NULL, FOREIGN KEY (code) REFERENCES rp (code) ON DELETE SET NULL);
             INSERT INTO rp VALUES ('a', 'a'), ('b', 'b');
             INSERT INTO rc VALUES (1, 'a');",
        )
        .await;
    let app = discovered(&database).await;
    let seen = preview(&app, delete("rp", Selection::All)).await;
    assert_eq!(seen.failures.iter().map(|failure| failure.code.as_str()).collect::<Vec<_>>(), ["FOREIGN_KEY"]);
    let resource = app.resource("rp").expect("a resource");
    match record::delete(&app, &User::operator(), resource, "a").await {
        Err(Error::Invalid(errors)) => {
            assert_eq!((errors[0].code.as_str(), errors[0].field.as_deref()), ("FOREIGN_KEY", None), "{errors:?}");
        }
        other => panic!("it is referred to: {other:?}"),
    }
    let task = carry_out(&app, in_background(delete("rp", Selection::All))).await;
    assert_eq!(counts(&task), (1, 1, 0));
    let reasons = reasons(&app, &task).await;
    assert!(
        reasons[0].starts_with("a FOREIGN_KEY None rcs refer to it (") && reasons[0].contains("rc.code"),
        "{reasons:?}"
    );
}
