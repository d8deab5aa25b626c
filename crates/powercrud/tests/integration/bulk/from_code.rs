//! Bulk operations that an application's own code asks for.

use powercrud::{
    Error, User,
    bulk::{Answer, delete, update},
    task::{Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{count, discovered, items},
    support::{TestDatabase, each_database},
};

each_database! { small_ones_are_done_at_once, large_ones_are_waited_for, what_is_not_named_is_not_changed }

mod item {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "item")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) price: Option<Decimal>,
        pub(super) note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn small_ones_are_done_at_once(database: TestDatabase) {
    items(&database, 40).await;
    let app = discovered(&database).await;
    let ann = User::new("7", "Ann");
    // A column of an entity, and a name, whatever is set.
    let answer = update(&app, "item").set(item::Column::Price, 777).set_null(item::Column::Note).set("stock", 5);
    let answer = answer.filter("id__gte=3").filter("id__lte=7").by(&ann).run().await.expect("it is allowed");
    let Answer::Done(task) = answer.into_answer() else { panic!("it is queued") };
    assert_eq!((task.status, task.succeeded_records, task.user_id.as_deref()), (Status::Success, 5, Some("7")));
    assert_eq!(
        count(&database, "item WHERE price = 777 AND note IS NULL AND stock = 5 AND id BETWEEN 3 AND 7").await,
        5
    );
    assert_eq!(count(&database, "item WHERE price = 777").await, 5);

    let task = delete(&app, "item").keys([1, 2]).run().await.expect("it is allowed").wait().await.expect("it ends");
    assert_eq!((task.status, task.succeeded_records), (Status::Success, 2));
    assert_eq!(count(&database, "item").await, 38);
}

async fn large_ones_are_waited_for(database: TestDatabase) {
    items(&database, 500).await;
    let app = discovered(&database).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    let answer = update(&app, "item").set("status", "used").all().run().await.expect("it is allowed");
    assert!(matches!(&*answer, Answer::Queued { .. }), "{answer:?}");
    let task = answer.wait().await.expect("a worker is there");
    assert_eq!((task.status, task.succeeded_records), (Status::Success, 500));
    assert_eq!(count(&database, "item WHERE status = 'used'").await, 500);

    // A record that the database refuses is named, also to code that waits.
    let answer = update(&app, "item").set("name", "one").set("status", "lost").keys([1]).in_background().run().await;
    let told = answer.expect_err("no such status").to_string();
    assert!(told.contains("lost") || told.contains("status"), "{told}");
    stop.cancel();
    worker.await.expect("no panic").expect("it stops");
}

async fn what_is_not_named_is_not_changed(database: TestDatabase) {
    items(&database, 10).await;
    let app = discovered(&database).await;
    let refused = update(&app, "item").set("stock", 0).run().await.expect_err("nothing is selected");
    assert!(matches!(refused, Error::NothingSelected(_)), "{refused:?}");
    let refused = delete(&app, "item").run().await.expect_err("nothing is selected");
    assert!(matches!(refused, Error::NothingSelected(_)), "{refused:?}");
    let told = update(&app, "item").set("weight", 1).all().run().await.expect_err("no such field").to_string();
    assert!(told.contains("weight"), "{told}");
    let told =
        update(&app, "item").set("stock", 1).filter("weight=1").run().await.expect_err("no such field").to_string();
    assert!(told.contains("weight"), "{told}");
    let told = update(&app, "thing").set("stock", 1).all().run().await.expect_err("no such resource").to_string();
    assert!(told.contains("thing") && told.contains("item"), "{told}");
    assert_eq!(count(&database, "item WHERE stock = 0 OR stock = 1").await, 1, "item 1 had 1 before");
    assert!(store::list(&app, &User::operator(), &Default::default()).await.expect("tasks").is_empty());
}
