//! PostgreSQL: row security that lets a role see what it may not change, and triggers that keep rows.

use powercrud::{Error, User, db::Database, record, task::store};

use crate::{
    shop::{carry_out, counts, delete, discovered, failures, in_background, keys, rows, update},
    support::{TestDatabase, each_database, with_role},
};

each_database! { [postgres] what_may_only_be_seen, a_delete_that_marks, an_insert_that_goes_elsewhere }

async fn what_may_only_be_seen(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        database
            .execute(&format!(
                "CREATE TABLE rl (id integer PRIMARY KEY, own text NOT NULL, n integer);
                 INSERT INTO rl VALUES (1, 'me', 0), (5, 'other', 0);
                 ALTER TABLE rl ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY seen ON rl FOR SELECT USING (true);
                 CREATE POLICY changed ON rl FOR UPDATE USING (own = 'me');
                 CREATE POLICY gone ON rl FOR DELETE USING (own = 'me');
                 GRANT ALL ON rl TO {0}; GRANT ALL ON SCHEMA public TO {0};",
                role.name
            ))
            .await;
        let own = Database::connect(&role.url).await.expect("a connection");
        let app =
            powercrud::PowerCrud::builder(own).open_to_everybody().discover(true).build().await.expect("no mistakes");
        let rl = app.resource("rl").expect("a resource");
        record::get(&app, rl, "5").await.expect("it may be seen");
        let operator = User::operator();
        let refused = |error: &Error| matches!(error, Error::NotAllowed(why) if why.contains("row security"));
        let edited = record::update(&app, &operator, rl, "5", &[("n".into(), Some("1".into()))]).await;
        assert!(edited.as_ref().is_err_and(refused), "{edited:?}");
        let deleted = record::delete(&app, &operator, rl, "5").await;
        assert!(deleted.as_ref().is_err_and(refused), "{deleted:?}");
        assert!(matches!(record::delete(&app, &operator, rl, "9").await, Err(Error::RecordNotFound { .. })));
        for request in [update("rl", keys([1, 5]), [("n", Some("1"))]), delete("rl", keys([1, 5]))] {
            let task = carry_out(&app, in_background(request)).await;
            assert_eq!(counts(&task), (1, 1, 0), "{:?}", failures(&app, &task).await);
            let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 9).await.expect("errors");
            assert_eq!(errors[0].record_key, "5");
            assert!(errors[0].message.contains("row security"), "{errors:?}");
        }
    })
    .await;
}

async fn a_delete_that_marks(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE soft (id integer PRIMARY KEY, gone boolean NOT NULL DEFAULT false);
             CREATE TABLE held (id integer PRIMARY KEY, gone boolean NOT NULL DEFAULT false);
             INSERT INTO soft SELECT generate_series(1, 5); INSERT INTO held SELECT generate_series(1, 5);
             CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               UPDATE soft SET gone = true WHERE id = OLD.id; RETURN NULL; END $$;
             CREATE TRIGGER mark BEFORE DELETE ON soft FOR EACH ROW EXECUTE FUNCTION mark();
             CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER hold BEFORE DELETE ON held FOR EACH ROW EXECUTE FUNCTION hold();",
        )
        .await;
    let app = discovered(&database).await;
    for (table, code, said, marked) in
        [("soft", "NOT_DELETED", "is still there: a trigger changed it", 3), ("held", "NOT_CHANGED", "kept", 0)]
    {
        let task = carry_out(&app, in_background(delete(table, keys(1..=3)))).await;
        assert_eq!((counts(&task), task.missing_records), ((0, 3, 0), 0), "{table}");
        assert!(failures(&app, &task).await.iter().all(|(_, named)| named == code), "{table}");
        assert_eq!(rows(&database, &format!("{table} WHERE gone"), &["id"]).await.len(), marked, "{table}");
        let resource = app.resource(table).expect("a resource");
        let deleted = record::delete(&app, &User::operator(), resource, "5").await;
        assert!(matches!(&deleted, Err(Error::NotAllowed(why)) if why.contains(said)), "{deleted:?}");
    }
}

async fn an_insert_that_goes_elsewhere(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE meas (id integer PRIMARY KEY, n integer); CREATE TABLE meas_2 (id integer PRIMARY KEY, n integer);
             CREATE FUNCTION route() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO meas_2 VALUES (NEW.id, NEW.n); RETURN NULL; END $$;
             CREATE TRIGGER route BEFORE INSERT ON meas FOR EACH ROW EXECUTE FUNCTION route();",
        )
        .await;
    let app = discovered(&database).await;
    let meas = app.resource("meas").expect("a resource");
    let created = record::create(&app, &User::operator(), meas, &[("id".into(), Some("1".into()))]).await;
    assert!(matches!(&created, Err(Error::Invalid(errors)) if errors[0].code == "NOT_CREATED"), "{created:?}");
    assert!(rows(&database, "meas_2", &["id"]).await.is_empty(), "what is refused left nothing");
}
