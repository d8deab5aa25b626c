//! Without discovery there is what is named, and nothing of other tables is shown.

use std::collections::BTreeMap;

use powercrud::{Error, PowerCrud, ResourceSettings, Settings};

use crate::{
    support::{TestDatabase, each_database},
    web::{browser::Browser, shop},
};

each_database! { what_the_settings_speak_of_is_there, tables_without_a_resource_show_nothing }

fn settings(names: &[&str]) -> Settings {
    let named =
        |name: &&str| ((*name).to_owned(), ResourceSettings { paginate_by: Some(7), ..ResourceSettings::default() });
    Settings { resources: names.iter().map(named).collect::<BTreeMap<_, _>>(), ..Settings::default() }
}

async fn what_the_settings_speak_of_is_there(database: TestDatabase) {
    shop(&database).await;
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .all_settings(settings(&["book"]))
        .build()
        .await
        .expect("a shop");
    let names: Vec<_> =
        app.resources().iter().map(|resource| (resource.name.clone(), resource.paginate_by())).collect();
    assert_eq!(names, [("book".to_owned(), 7)]);
    // A slip of the finger is told still.
    let error =
        PowerCrud::builder(database).open_to_everybody().all_settings(settings(&["book", "bok"])).build().await.err();
    let told = error.as_ref().map(Error::to_string).unwrap_or_default();
    assert!(told.contains("resources.bok: there is no such resource"), "{told}");
}

async fn tables_without_a_resource_show_nothing(database: TestDatabase) {
    shop(&database).await;
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .all_settings(settings(&["book"]))
        .build()
        .await
        .expect("a shop");
    let mut browser = Browser::new(app.router());
    for path in [
        "/resources/book",
        "/resources/book/records/1",
        "/resources/book/records/1/edit",
        "/resources/book/choices/author_id",
        "/api/v1/resources/book/records",
    ] {
        browser.get(path).await.expect(200).lacks(&["Ann Adler"]);
    }
    browser.get("/resources/book/choices/author_id?q=Adler").await.expect(200).lacks(&["data-value", "value=\"1\""]);
    // Where the table is a resource of its own, its records have names.
    let app = PowerCrud::builder(database)
        .open_to_everybody()
        .all_settings(settings(&["author", "book"]))
        .build()
        .await
        .expect("a shop");
    Browser::new(app.router()).get("/resources/book").await.expect(200).holds(&["Ann Adler"]);
}
