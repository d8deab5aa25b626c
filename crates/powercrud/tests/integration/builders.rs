//! Builders forgive: columns of a SeaORM entity and texts alike, numbers of any type, arrays, slices and vectors.

use powercrud::{
    Action, Error, PowerCrud, Resource, User, bulk,
    policy::{Fields, Permission, Policy, Rows},
    task::{Status, store},
};
use sea_orm::{
    entity::prelude::*,
    sea_query::{Condition, Expr, ExprTrait as _, Func, Query},
};

use crate::{
    shop::{count, items},
    support::{TestDatabase, each_database},
};

each_database! { columns_and_texts_alike, conditions_of_sea_orm, errors_are_the_askers }
each_database! { [sqlite] numbers_of_any_type }

mod item {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "item")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub name: String,
        pub price: Option<f64>,
        pub stock: i32,
        pub status: String,
        pub note: Option<String>,
        pub touched: i32,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use item::Column;

struct OwnStatus;

impl Policy for OwnStatus {
    fn may(&self, _user: &User, _permission: Permission<'_>, _resource: &Resource) -> bool {
        true
    }

    fn rows(&self, _user: &User, _resource: &Resource) -> Rows {
        Rows::equal(Column::Stock, 7)
    }

    fn fields(&self, _user: &User, _resource: &Resource) -> Fields {
        Fields::all().hide([Column::Price]).read_only(vec!["name"])
    }
}

async fn columns_and_texts_alike(database: TestDatabase) {
    items(&database, 30).await;
    let (owned, lent) = (vec!["stock".to_owned(), "note".to_owned()], [Column::Name, Column::Stock]);
    let resource = Resource::entity::<item::Entity>()
        .list_fields(&lent)
        .filter_fields(&owned)
        .search_fields(&lent[..1])
        .ordering(["-stock"])
        .bulk_fields([Column::Stock, Column::Note, Column::Status])
        .display_field(Column::Name)
        .labels([(Column::Name, "What it is called")])
        .help_texts(vec![("stock", "copies".to_owned())])
        .action(Action::set("sell_out", [(Column::Stock, Some(0))]));
    let app =
        PowerCrud::builder(database.clone()).resource(resource).policy(OwnStatus).build().await.expect("no mistakes");
    let item = app.resource("item").expect("a resource");
    let names = |fields: Vec<&powercrud::Field>| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(item.list_fields().collect()), ["name", "stock"]);
    assert_eq!(names(item.filter_fields().collect()), ["stock", "note"]);
    assert_eq!(names(item.search_fields().collect()), ["name"]);
    assert_eq!(names(item.bulk_fields().collect()), ["stock", "note", "status"]);
    assert_eq!(
        (&*item.field("name").unwrap().label, &*item.field("stock").unwrap().help_text),
        ("What it is called", "copies")
    );
    let name = String::from("note");
    let answer = bulk::update(&app, "item")
        .set(Column::Stock, 777)
        .set(&name, "x")
        .set_null(name.as_str())
        .keys([1, 2])
        .run()
        .await;
    let Err(Error::Invalid(errors)) = answer else { panic!("one field twice: {answer:?}") };
    assert_eq!(errors[0].field.as_deref(), Some("note"));
    let answer =
        bulk::update(&app, "item").set(Column::Stock, 777).set(&name, "x").keys([1, 2]).run().await.expect("it fits");
    assert_eq!(answer.task().succeeded_records, 2);
    assert_eq!(count(&database, "(SELECT 1 FROM item WHERE stock = 777 AND note = 'x') AS changed").await, 2);
    let answer = bulk::action(&app, "item", "sell_out").keys([1]).run().await.expect("an action");
    assert_eq!(answer.task().status, Status::Success);
    let own = app.for_user(&User::new("1", "Ann"));
    let own = own.resource("item").expect("a resource");
    assert!(own.field("price").is_none() && own.field("name").is_some());
}

async fn conditions_of_sea_orm(database: TestDatabase) {
    items(&database, 60).await;
    let app = PowerCrud::builder(database.clone()).discover(true).build().await.expect("no mistakes");
    // At once, and in the background; beside filters as the command line has them.
    let answer =
        bulk::update(&app, "item").set(Column::Note, "few").filter(Column::Stock.eq(7)).run().await.expect("it fits");
    assert_eq!(answer.task().succeeded_records, 1);
    let many = || {
        let either = Condition::any().add(Column::Stock.lte(30)).add(Column::Status.eq("gone"));
        bulk::update(&app, "item").set(Column::Note, "many").filter(either).filter("stock__gt=10")
    };
    let answer = many().in_background().run().await.expect("it fits");
    // The same again is the same task, another condition is not.
    let again = many().in_background().run().await.expect("it fits");
    assert_eq!(answer.task().id, again.task().id);
    let other = many().filter(Column::Stock.ne(12)).in_background().run().await;
    assert!(matches!(other, Err(Error::Conflict { .. })), "{other:?}");
    crate::shop::work(&app, answer.task()).await;
    assert_eq!(count(&database, "(SELECT 1 FROM item WHERE note = 'many') AS changed").await, 30);
    // With a look at other rows.
    let most = Query::select().expr(Func::max(Expr::col((item::Entity, Column::Stock)))).from(item::Entity).take();
    let answer = bulk::delete(&app, "item").filter(Column::Stock.in_subquery(most)).run().await.expect("it fits");
    assert_eq!(answer.task().succeeded_records, 1);
    let wrong = bulk::delete(&app, "item").filter(Expr::col(("item", "stok")).eq(7)).run().await;
    let Err(Error::Invalid(errors)) = wrong else { panic!("there is no such column: {wrong:?}") };
    assert!(errors[0].code == "INVALID_CONDITION" && errors[0].field.as_deref() == Some("filter"), "{errors:?}");
    assert_eq!(count(&database, "item").await, 59);
}

async fn errors_are_the_askers(database: TestDatabase) {
    items(&database, 3).await;
    // More than the database takes, whatever is checked before.
    let taken = "CREATE UNIQUE INDEX one_name ON item (name);";
    database.execute(taken).await;
    let app = PowerCrud::builder(database.clone()).discover(true).build().await.expect("no mistakes");
    let (ann, ben) = (User::new("1", "Ann"), User::new("2", "Ben"));
    let answer = bulk::update(&app, "item").set("name", "item 2").keys([1]).by(&ann).run().await.expect("it fits");
    assert_eq!(answer.task().status, Status::Failure);
    let id = answer.task().id;
    assert_eq!(store::errors(&app, &ann, id, 0, 10).await.expect("her own").len(), 1);
    assert!(matches!(store::errors(&app, &ben, id, 0, 10).await, Err(Error::TaskNotFound(_))));
    assert_eq!(store::errors(&app, &ben.clone().staff(true), id, 0, 10).await.expect("staff").len(), 1);
}

async fn numbers_of_any_type(database: TestDatabase) {
    items(&database, 3).await;
    let resource =
        Resource::table("item").paginate_by(50).bulk_chunk_size(500u16).bulk_results_days(7i64).bulk_max_errors(9usize);
    let app = PowerCrud::builder(database.clone()).resource(resource).build().await.expect("no mistakes");
    let settings = &app.resource("item").expect("a resource").settings;
    let numbers =
        [settings.paginate_by, settings.bulk_chunk_size, settings.bulk_results_days, settings.bulk_max_errors];
    assert_eq!(numbers, [Some(50), Some(500), Some(7), Some(9)]);
    let resource = Resource::table("item").bulk_results_days(-1).paginate_by(u128::MAX);
    let Err(Error::Configuration(mistakes)) = PowerCrud::builder(database.clone()).resource(resource).build().await
    else {
        panic!("there are mistakes")
    };
    assert!(mistakes[0].starts_with("resources.item.bulk_results_days: -1 is not allowed"), "{mistakes:?}");
    assert!(mistakes[1].starts_with("resources.item.paginate_by: 340282"), "{mistakes:?}");
}
