//! A form whose table has changed since it was opened: it comes back as the table is now, with what was typed.

use axum::{http::StatusCode, response::Response};

use super::{Open, SEEN, edit_page, gone_page, new_page, read, seen};
use crate::web::{
    context::{FormData, RequestContext},
    error::{Problem, WebError, WebResult},
};
use powercrud_engine::{error::FieldError, resource::Resource};

/// Whether a new record may have been refused because the table is another by now: nobody foresaw the database's error.
pub(super) fn may_be_why(errors: &[FieldError]) -> bool {
    errors.iter().any(|error| error.code == "DATABASE")
}

/// What a request is told that met other tables.
pub(super) fn outdated() -> WebError {
    WebError::from(Problem { is_outdated: true, ..Problem::tables_changed() })
}

/// `saved`, unless it failed because the tables are not what `before` takes them to be: then the form, of the record `key` or of a new
/// one, as they are now.
pub(super) async fn or_as_it_is_now(
    context: &RequestContext,
    before: &Resource,
    key: Option<&str>,
    form: &FormData,
    saved: WebResult<Response>,
) -> WebResult<Response> {
    match saved {
        Err(error) if error.0.is_outdated => {
            if !context.app().reload_after_error().await? {
                return Err(error);
            }
            // A clone knows the tables as they were read last.
            let context = context.clone();
            let now = context.app().resource(&before.name)?.clone();
            let gone = match form.get(SEEN) {
                Some(_) => seen::gone(&now, form),
                None => seen::gone_of_new(before, &now, form),
            };
            as_it_is_now(&context, &now, key, form, &gone).await
        }
        saved => saved,
    }
}

/// The form with what was typed for the fields that are still there, and in words what was typed for the others, which are `gone`.
pub(super) async fn as_it_is_now(
    context: &RequestContext,
    resource: &Resource,
    key: Option<&str>,
    form: &FormData,
    gone: &[(String, String)],
) -> WebResult<Response> {
    let error = |message: String| FieldError { field: None, code: "TABLES_CHANGED".to_owned(), message };
    let message = "the database's tables have changed since this form was opened. What you typed is kept here, for the fields that are \
        still there";
    let mut errors = vec![error(message.to_owned())];
    errors.extend(gone.iter().map(|(name, typed)| {
        let typed =
            if typed.is_empty() { "you had emptied it".to_owned() } else { format!("you had typed “{typed}”") };
        error(format!("there is no field {name} any more; {typed}"))
    }));
    let mut response = match key {
        None => new_page(context, resource, form, &errors).await?,
        Some(key) => {
            let (version, row) = match read(context, resource, key).await {
                Err(error) if error.0.status == StatusCode::NOT_FOUND => {
                    return gone_page(context, resource, key, form).await;
                }
                found => found?,
            };
            let touched = seen::Touched::of(&context.paths, resource, &row, form);
            let typed = form.0.iter().filter(|(name, _)| touched.has(name)).cloned().collect();
            let seen = seen::Seen::of(&context.paths, resource, &row);
            let open = Open { version, seen, typed, errors, theirs: Vec::new() };
            edit_page(context, resource, key, &row, open).await?
        }
    };
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}
