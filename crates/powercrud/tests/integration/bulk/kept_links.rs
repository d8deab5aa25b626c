//! Links that a trigger or row security skips, or makes others of, without an error: the record has failed, its neighbours are done. Plain
//! SQL, undone again, is the judge.

use std::collections::BTreeSet;

use powercrud::{
    PowerCrud, Selection,
    db::Database,
    task::{Status, store},
};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement, TransactionTrait as _};

use crate::{
    shop::{carry_out, changes_of, counts, discovered, failures, in_background, keys, update},
    support::{Kind, TestDatabase, each_database, with_role},
};

each_database! { what_triggers_do_to_links, what_triggers_leave_alone, what_another_key_does_to_links }
each_database! { [postgres] what_policies_do_to_links }

/// How many records there are.
const RECORDS: i64 = 40;

const TABLES: &str = "CREATE TABLE a (id integer PRIMARY KEY, v integer);
    CREATE TABLE b (id integer PRIMARY KEY, name varchar(9) NOT NULL);
    CREATE TABLE ab (a_id integer NOT NULL, b_id integer NOT NULL, PRIMARY KEY (a_id, b_id),
      FOREIGN KEY (a_id) REFERENCES a (id), FOREIGN KEY (b_id) REFERENCES b (id));
    INSERT INTO b VALUES (1, 'one'), (2, 'two'), (3, 'three');";

/// All records are linked with 3.
async fn linked(database: &TestDatabase) {
    let records: Vec<_> = (1..=RECORDS).map(|id| format!("({id}, 0)")).collect();
    let links: Vec<_> = (1..=RECORDS).map(|id| format!("({id}, 3)")).collect();
    let (records, links) = (records.join(", "), links.join(", "));
    database.execute(&format!("{TABLES} INSERT INTO a VALUES {records}; INSERT INTO ab VALUES {links};")).await;
}

/// Leaves out or alters links of 4, 5 and 30, and keeps those of 3, where the database's triggers can.
fn triggers(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => {
            "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF TG_OP = 'DELETE' THEN IF OLD.a_id = 3 THEN RETURN NULL; END IF; RETURN OLD; END IF;
               IF NEW.a_id IN (4, 30) THEN RETURN NULL; END IF;
               IF NEW.a_id = 5 THEN NEW.b_id := 1; END IF; RETURN NEW; END $$;
             CREATE TRIGGER tr BEFORE INSERT OR DELETE ON ab FOR EACH ROW EXECUTE FUNCTION tf();"
        }
        Kind::Sqlite => {
            "CREATE TRIGGER left_out BEFORE INSERT ON ab WHEN NEW.a_id IN (4, 30) BEGIN SELECT RAISE(IGNORE); END;
             CREATE TRIGGER altered AFTER INSERT ON ab WHEN NEW.a_id = 5 BEGIN
               UPDATE ab SET b_id = 1 WHERE a_id = 5 AND b_id = NEW.b_id; END;
             CREATE TRIGGER kept BEFORE DELETE ON ab WHEN OLD.a_id = 3 BEGIN SELECT RAISE(IGNORE); END;"
        }
        // It can leave out no row, but for one that is there already.
        Kind::Mysql => {
            "CREATE TRIGGER altered BEFORE INSERT ON ab FOR EACH ROW
               SET NEW.b_id = CASE WHEN NEW.a_id IN (4, 30) THEN 3 WHEN NEW.a_id = 5 THEN 1 ELSE NEW.b_id END;"
        }
    }
}

/// A change by the library, the same as plain SQL, and which links of a record (its `b_id`s, in order) are what was asked.
type Case = (&'static [(&'static str, Option<&'static str>)], &'static [&'static str], fn(&BTreeSet<i64>) -> bool);

const INSERT: &str = "INSERT INTO ab SELECT a.id, 2 FROM a WHERE a.id = ? AND NOT EXISTS \
    (SELECT 1 FROM ab AS known WHERE known.a_id = a.id AND known.b_id = 2)";

const CASES: [Case; 5] = [
    (&[("bs__add", Some("2"))], &[INSERT], |links| links.contains(&2)),
    (&[("bs__remove", Some("3"))], &["DELETE FROM ab WHERE b_id = 3 AND a_id = ?"], |links| !links.contains(&3)),
    (&[("bs__replace", Some("2"))], &["DELETE FROM ab WHERE b_id <> 2 AND a_id = ?", INSERT], |links| {
        *links == BTreeSet::from([2])
    }),
    (&[("bs__clear", None)], &["DELETE FROM ab WHERE a_id = ?"], BTreeSet::is_empty),
    (
        &[("v", Some("7")), ("bs__add", Some("2")), ("bs__remove", Some("3"))],
        &["DELETE FROM ab WHERE b_id = 3 AND a_id = ?", INSERT],
        |links| *links == BTreeSet::from([2]),
    ),
];

async fn links_of<C: sea_orm::ConnectionTrait>(connection: &C, record: i64) -> BTreeSet<i64> {
    let sql = format!("SELECT b_id + 0 FROM ab WHERE a_id = {record}");
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await;
    let number = |row: &sea_orm::QueryResult| {
        let short = row.try_get_by_index::<i32>(0).map(i64::from);
        short.or_else(|_| row.try_get_by_index::<i64>(0)).expect("a number")
    };
    rows.expect("links").iter().map(number).collect()
}

/// The records that do not have what was asked once plain SQL has been told to change them.
async fn refused_by_plain_sql(connection: &DatabaseConnection, case: Case) -> Vec<i64> {
    let (_, statements, as_asked) = case;
    let mut refused = Vec::new();
    for record in 1..=RECORDS {
        let transaction = connection.begin().await.expect("a transaction");
        let mut is_done = true;
        for statement in statements {
            let sql = statement.replace('?', &record.to_string());
            // A link that is there already is no error of ours.
            is_done &= transaction.execute_unprepared(&sql).await.is_ok();
        }
        is_done &= as_asked(&links_of(&transaction, record).await);
        refused.extend((!is_done).then_some(record));
        transaction.rollback().await.expect("undone");
    }
    refused
}

/// The task says of each record what plain SQL says; and those that failed are as they were.
async fn as_plain_sql(app: &PowerCrud, connection: &DatabaseConnection, words: &[&str]) -> Vec<Vec<i64>> {
    let mut all = Vec::new();
    for case in CASES {
        let refused = refused_by_plain_sql(connection, case).await;
        let mut before = Vec::new();
        for record in &refused {
            before.push(links_of(connection, *record).await);
        }
        let mut request = in_background(update("a", Selection::All, [("v", None)]));
        request.operation = powercrud::bulk::Requested::Update(changes_of(case.0.iter().copied()));
        let task = carry_out(app, request).await;
        let failed = refused.len() as u64;
        assert_eq!(counts(&task), (RECORDS as u64 - failed, failed, 0), "{:?} {:?}", case.0, refused);
        assert_eq!(task.status, if failed == 0 { Status::Success } else { Status::Partial });
        for error in store::errors(app, &powercrud::User::operator(), task.id, 0, 99).await.expect("errors") {
            assert!(refused.iter().any(|record| record.to_string() == error.record_key), "{error:?}");
            assert_eq!((error.code.as_str(), error.field.as_deref()), ("NOT_CHANGED", Some("bs")), "{error:?}");
            assert!(words.iter().all(|word| error.message.contains(word)), "{error:?}");
        }
        for (record, before) in refused.iter().zip(before) {
            assert_eq!(links_of(connection, *record).await, before, "{record} is as it was");
        }
        for record in (1..=RECORDS).filter(|record| !refused.contains(record)) {
            assert!(case.2(&links_of(connection, record).await), "{record}: {:?}", case.0);
        }
        all.push(refused);
    }
    all
}

async fn what_triggers_do_to_links(database: TestDatabase) {
    linked(&database).await;
    database.execute(triggers(database.kind)).await;
    let app = discovered(&database).await;
    let refused = as_plain_sql(&app, database.connection(), &["trigger", "nothing of the record was changed"]).await;
    let kept = database.kind != Kind::Mysql;
    assert_eq!(refused[0], [4, 5, 30]);
    assert_eq!(refused[1], if kept { vec![3] } else { Vec::new() });
}

/// A key of the join table besides that of the pair keeps a link out; some databases take it for one that is there.
async fn what_another_key_does_to_links(database: TestDatabase) {
    linked(&database).await;
    database.execute("CREATE UNIQUE INDEX once ON ab (a_id);").await;
    let app = discovered(&database).await;
    let task = carry_out(&app, in_background(update("a", keys([1, 2]), [("bs__add", Some("2"))]))).await;
    assert_eq!(counts(&task), (0, 2, 0), "{:?}", failures(&app, &task).await);
    let task = carry_out(&app, in_background(update("a", keys([1, 2]), [("bs__replace", Some("2"))]))).await;
    assert_eq!(counts(&task), (2, 0, 0), "{:?}", failures(&app, &task).await);
    assert_eq!(links_of(database.connection(), 1).await, BTreeSet::from([2]));
}

/// Triggers that do something else than to the links, or more.
async fn what_triggers_leave_alone(database: TestDatabase) {
    linked(&database).await;
    database.execute("CREATE TABLE log (id integer);").await;
    for event in ["INSERT", "DELETE"] {
        let row = if event == "INSERT" { "NEW" } else { "OLD" };
        let trigger = match database.kind {
            Kind::Postgres => format!(
                "CREATE FUNCTION f_{event}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES ({row}.a_id); RETURN {row}; END $$;
                 CREATE TRIGGER t_{event} BEFORE {event} ON ab FOR EACH ROW EXECUTE FUNCTION f_{event}();"
            ),
            Kind::Sqlite => format!(
                "CREATE TRIGGER t_{event} AFTER {event} ON ab BEGIN INSERT INTO log VALUES ({row}.a_id); END;"
            ),
            Kind::Mysql => format!(
                "CREATE TRIGGER t_{event} AFTER {event} ON ab FOR EACH ROW INSERT INTO log VALUES ({row}.a_id);"
            ),
        };
        database.execute(&trigger).await;
    }
    let app = discovered(&database).await;
    let refused = as_plain_sql(&app, database.connection(), &[]).await;
    assert!(refused.iter().all(Vec::is_empty), "{refused:?}");
    assert!(crate::shop::count(&database, "log").await >= RECORDS as usize);
}

async fn what_policies_do_to_links(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        linked(&database).await;
        database
            .execute(&format!(
                "ALTER TABLE ab ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY seen ON ab FOR SELECT USING (true);
                 CREATE POLICY made ON ab FOR INSERT WITH CHECK (true);
                 CREATE POLICY gone ON ab FOR DELETE USING (a_id NOT IN (3, 17));
                 GRANT ALL ON ALL TABLES IN SCHEMA public TO {0}; GRANT ALL ON SCHEMA public TO {0};",
                role.name
            ))
            .await;
        let own = Database::connect(&role.url).await.expect("a connection");
        let app = PowerCrud::builder(own.clone()).discover(true).build().await.expect("no mistakes");
        let refused = as_plain_sql(&app, own.connection(), &["row security"]).await;
        let (none, kept) = (Vec::new(), vec![3, 17]);
        assert_eq!(refused, [none, kept.clone(), kept.clone(), kept.clone(), kept]);
    })
    .await;
}
