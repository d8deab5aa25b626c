//! What is told of a record that was saved, and that its key does not find any more.

use axum::response::Response;
use serde::Serialize;

use crate::web::{
    context::RequestContext,
    detail::crumbs,
    error::WebResult,
    view::{Link, isolated},
};
use powercrud_engine::resource::Resource;

#[derive(Serialize)]
struct SavedView {
    title: String,
    crumbs: Vec<Link>,
    notice: String,
    list_href: String,
    list_label: String,
}

/// It was saved, and the database does not tell where it is now.
pub(super) async fn under_another_key(context: &RequestContext, resource: &Resource, key: &str) -> WebResult<Response> {
    let (label, key) = (&resource.label, isolated(key));
    let view = SavedView {
        title: "Saved".to_owned(),
        crumbs: crumbs(context, resource, None),
        notice: format!(
            "Saved. The database changed the key of the {label} {key} or removed it, perhaps by a trigger: there is no {label} {key} any more."
        ),
        list_href: context.paths.list(&resource.name),
        list_label: format!("To the {}", resource.label_plural),
    };
    context.page("saved.html", &view.title, &view).await
}
