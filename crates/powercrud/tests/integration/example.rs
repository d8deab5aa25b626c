//! `examples/minimal.rs` as it is: its own route, PowerCRUD's pages under /admin, a bulk edit in the background.

#[expect(dead_code, reason = "the example's main serves on a port")]
#[path = "../../examples/minimal.rs"]
mod minimal;

use powercrud::{Selection, task::Status};

use sea_orm::DatabaseConnection;

use crate::{
    shop::{counts, queue, update, when},
    support::{Kind, TestDatabase, run},
    web::browser::Browser,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_of_its_own() {
    run(Kind::Sqlite, application).await;
}

async fn application(database: TestDatabase) {
    let connection = DatabaseConnection::from(database.connection().clone());
    let powercrud = minimal::administration(&connection).await.expect("an administration");
    let again = minimal::administration(&connection).await.expect("what is there stays");
    let mut browser = Browser::new(minimal::application(connection, &again));
    browser.get("/").await.expect(200).holds(&["There are 200 books"]);
    browser.get("/admin").await.expect(200).holds(&["Bookshop", "/admin/resources/author", "/admin/resources/book"]);
    let list = browser.get("/admin/resources/book").await.expect(200);
    list.holds(&["Ida Rot, volume 1", "200", "/admin/resources/book?"]);
    browser.get("/resources/book").await.expect(404);

    let task = queue(&powercrud, update("book", Selection::All, [("in_stock", Some("true"))])).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let worker = tokio::spawn(powercrud.worker().run(stop.clone()));
    let task = when(&powercrud, &task, |task| task.status.is_final()).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (200, 0, 0)));
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
    browser.get(&format!("/admin/tasks/{}", task.id)).await.expect(200).holds(&["200"]);
}
