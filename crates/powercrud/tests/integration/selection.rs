//! What is ticked on a list page, kept on the server.

use powercrud::{Error, StoredSelection};

use crate::{
    shop::{count, discovered, items},
    support::{TestDatabase, each_database},
};

each_database! { keys_given_twice_and_keys_that_are_none }

async fn keys_given_twice_and_keys_that_are_none(database: TestDatabase) {
    items(&database, 5).await;
    let app = discovered(&database).await;
    let resource = app.resource("item").expect("a resource");
    let mut stored = StoredSelection::of_owner(&app, resource, "ann").await.expect("a selection");
    let texts = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    stored.tick(&app, resource, &texts(&["1", "2", "1"]), true).await.expect("ticks");
    assert_eq!((stored.added, stored.count(&app, resource).await.expect("a count")), (2, 2));
    let error = stored.tick(&app, resource, &texts(&["3", "one", ""]), true).await.expect_err("no keys");
    let Error::Invalid(errors) = &error else { panic!("{error:?}") };
    assert!(errors.len() == 2 && errors.iter().all(|error| error.code == "INVALID_KEY"), "{error}");
    assert_eq!(count(&database, "powercrud_selection_key").await, 2, "nothing is noted then");
    assert_eq!(stored.count(&app, resource).await.expect("a count"), 2);
}
