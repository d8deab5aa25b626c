//! Updates and deletes through the ActiveModel of a SeaORM entity, whose hooks run for each record, in the chunk's transaction.

use powercrud::{
    Error, PowerCrud, Resource, Selection, User, bulk, record,
    task::{BulkTask, Status},
};

use crate::{
    shop::{assert_no_locks, carry_out, counts, delete, failures, in_background, items, keys, rows, update},
    support::{TestDatabase, each_database},
};

each_database! {
    hooks_run_for_each_record, errors_are_their_records, everything_or_nothing, single_records, without_it_no_hook_runs
}
each_database! { [sqlite] another_tables_entity_is_refused }

mod item {
    use sea_orm::{Set, entity::prelude::*, sea_query::Query};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "item")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub name: String,
        pub stock: i32,
        pub status: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub note: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    async fn log<C: ConnectionTrait>(db: &C, what: &str, id: i32) -> Result<(), DbErr> {
        let mut insert = Query::insert();
        insert.into_table("log").columns(["what", "item_id"]).values_panic([what.into(), id.into()]);
        db.execute(&insert).await.map(|_| ())
    }

    #[sea_orm::prelude::async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C: ConnectionTrait>(mut self, db: &C, insert: bool) -> Result<Self, DbErr> {
            assert!(!insert, "nothing is inserted here");
            let id = self.id.clone().unwrap();
            log(db, "before", id).await?;
            match id {
                13 => return Err(DbErr::Custom("is unlucky".to_owned())),
                14 => panic!("not this one"),
                15 => log(db, "no such thing as a text of this length", id).await?,
                _ => {}
            }
            let stock = self.stock.clone().unwrap();
            self.note = Set(Some(format!("{} left of {id}", stock)));
            Ok(self)
        }

        async fn after_save<C: ConnectionTrait>(model: Model, db: &C, _insert: bool) -> Result<Model, DbErr> {
            log(db, "after", model.id).await.map(|()| model)
        }

        async fn before_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
            let id = self.id.clone().unwrap();
            if id == 13 {
                return Err(DbErr::Custom("stays".to_owned()));
            }
            log(db, "delete", id).await.map(|()| self)
        }
    }
}

async fn open(database: &TestDatabase) -> PowerCrud {
    items(database, 30).await;
    database.execute("CREATE TABLE log (what varchar(10) NOT NULL CHECK (what IN ('before', 'after', 'delete')), item_id integer NOT NULL);").await;
    database.execute("CREATE UNIQUE INDEX one_name ON item (name);").await;
    let resource = Resource::entity::<item::Entity>().bulk_chunk_size(7).through_active_model::<item::Entity>();
    PowerCrud::builder(database.clone()).resource(resource).build().await.expect("no mistakes")
}

/// How often each hook was called for which records.
async fn logged(database: &TestDatabase) -> Vec<(String, String)> {
    let sql = sea_orm::Statement::from_string(
        sea_orm::ConnectionTrait::get_database_backend(database.connection()),
        "SELECT what, item_id FROM log ORDER BY item_id, what DESC",
    );
    let found = sea_orm::ConnectionTrait::query_all_raw(database.connection(), sql).await.expect("rows");
    let read = |row: &sea_orm::QueryResult| {
        let id: i32 = row.try_get_by_index(1).expect("a number");
        (row.try_get_by_index::<String>(0).expect("a text"), id.to_string())
    };
    found.iter().map(read).collect()
}

async fn hooks_run_for_each_record(database: TestDatabase) {
    let app = open(&database).await;
    let task = carry_out(&app, in_background(update("item", keys(1..=10), [("stock", Some("99"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (10, 0, 0)), "{}", task.error_message);
    let held = rows(&database, "item", &["id", "stock", "note", "name"]).await;
    for id in 1..=10 {
        assert_eq!(held[&id.to_string()][1].as_deref(), Some(&*format!("99 left of {id}")));
        assert_eq!(held[&id.to_string()][2].as_deref(), Some(&*format!("item {id}")));
    }
    assert_eq!(held["11"][0].as_deref(), Some("11"));
    let twice = (1..=10).flat_map(|id: i32| ["before", "after"].map(|what| (what.to_owned(), id.to_string())));
    assert_eq!(logged(&database).await, twice.collect::<Vec<_>>());
    // What is so already is not saved again.
    let task = carry_out(&app, in_background(update("item", keys(1..=10), [("stock", Some("99"))]))).await;
    assert_eq!((counts(&task), logged(&database).await.len()), ((10, 0, 0), 20));
    let task = carry_out(&app, in_background(delete("item", keys(1..=10)))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (10, 0, 0)), "{}", task.error_message);
    assert_eq!((logged(&database).await.len(), rows(&database, "item", &["id"]).await.len()), (30, 20));
    assert_no_locks(&database).await;
}

async fn errors_are_their_records(database: TestDatabase) {
    let app = open(&database).await;
    let task = carry_out(&app, in_background(update("item", Selection::All, [("stock", Some("99"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (27, 3, 0)), "{}", task.error_message);
    let failed = failures(&app, &task).await;
    let codes: Vec<_> = failed.iter().map(|(key, code)| (key.as_str(), code.as_str())).collect();
    assert_eq!(codes[..2], [("13", "MODEL_REFUSED"), ("14", "MODEL_PANICKED")]);
    // The database refused what the hook of 15 has written.
    assert_eq!((codes.len(), codes[2].0), (3, "15"), "{codes:?}");
    assert!(logged(&database).await.iter().all(|(_, id)| !["13", "14", "15"].contains(&id.as_str())), "undone with it");
    // What the database has against the new values is told as ever.
    let task = carry_out(&app, in_background(update("item", keys([1]), [("name", Some("item 2"))]))).await;
    told(&app, &task).await;
    let task = carry_out(&app, in_background(delete("item", keys([12, 13, 14])))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("13".to_owned(), "MODEL_REFUSED".to_owned())]);
    assert_no_locks(&database).await;
}

async fn told(app: &PowerCrud, task: &BulkTask) {
    assert_eq!((task.status, counts(task).1), (Status::Failure, 1), "{}", task.error_message);
    assert_eq!(failures(app, task).await, [("1".to_owned(), "UNIQUE".to_owned())]);
}

async fn everything_or_nothing(database: TestDatabase) {
    let app = open(&database).await;
    let task = carry_out(&app, update("item", keys([12, 13, 16]), [("stock", Some("99"))])).await;
    assert_eq!((task.status, counts(&task).0), (Status::Failure, 0), "{}", task.error_message);
    assert!(logged(&database).await.is_empty());
    assert_eq!(rows(&database, "item", &["id", "stock"]).await["12"][0].as_deref(), Some("12"));
}

async fn single_records(database: TestDatabase) {
    let app = open(&database).await;
    let (item, operator) = (app.resource("item").expect("a resource"), User::operator());
    let stock = [("stock".to_owned(), Some("77".to_owned()))];
    record::update(&app, &operator, item, "3", &stock).await.expect("an edit");
    assert_eq!(rows(&database, "item", &["id", "note"]).await["3"][0].as_deref(), Some("77 left of 3"));
    let history = powercrud::history::history(&app, &operator, item, "3", 10).await.expect("a history");
    assert!(format!("{history:?}").contains("77 left of 3"), "{history:?}");
    for key in ["13", "14"] {
        let Err(Error::Invalid(errors)) = record::update(&app, &operator, item, key, &stock).await else {
            panic!("a hook has something against it")
        };
        assert!(errors[0].code.starts_with("MODEL_"), "{errors:?}");
    }
    record::delete(&app, &operator, item, "3").await.expect("a delete");
    let Err(Error::Invalid(errors)) = record::delete(&app, &operator, item, "13").await else { panic!("it stays") };
    assert_eq!((errors[0].code.as_str(), errors[0].message.as_str()), ("MODEL_REFUSED", "stays"));
    let whats: Vec<_> = logged(&database).await.into_iter().map(|(what, _)| what).collect();
    assert_eq!(whats, ["delete", "before", "after"]);
    // A column that the entity does not know can't be saved by it.
    assert!(item.field("price").is_none());
}

async fn without_it_no_hook_runs(database: TestDatabase) {
    open(&database).await;
    let resource = Resource::entity::<item::Entity>();
    let app = PowerCrud::builder(database.clone()).resource(resource).build().await.expect("no mistakes");
    let answer = bulk::update(&app, "item").set("stock", 99).all().run().await.expect("an update");
    assert!(!answer.task().status.is_final(), "30 records are many");
    let task = crate::shop::work(&app, answer.task()).await;
    assert_eq!((counts(&task), logged(&database).await.len()), ((30, 0, 0), 0));
}

async fn another_tables_entity_is_refused(database: TestDatabase) {
    open(&database).await;
    let resource = Resource::table("log").through_active_model::<item::Entity>();
    let Err(Error::Configuration(mistakes)) = PowerCrud::builder(database.clone()).resource(resource).build().await
    else {
        panic!("it is another's")
    };
    assert!(
        mistakes[0].contains("resources.log.through_active_model: the entity is of the table \"item\""),
        "{mistakes:?}"
    );
}
