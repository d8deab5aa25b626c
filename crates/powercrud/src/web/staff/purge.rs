//! Old tasks deleted by staff.

use std::time::Duration;

use axum::{
    extract::RawQuery,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;

use super::Staff;
use crate::web::{
    bulk::{at_field, elsewhere},
    context::{FormData, RequestContext},
    error::WebResult,
    paths::{parse_query, with_query},
    view::Link,
};
use powercrud_engine::{
    error::{Error, FieldError},
    resource::grouped,
    staff,
};

/// How long the page waits for the end before it says that it goes on behind it.
const TIMEOUT: Duration = Duration::from_secs(15);

const USUAL_DAYS: &str = "365";

#[derive(Serialize)]
struct PurgeView {
    crumbs: Vec<Link>,
    action: String,
    back_href: String,
    days: String,
    days_error: String,
    /// How many tasks would go, where the days make sense.
    found: String,
    reason: String,
    reason_error: String,
    errors: Vec<String>,
    notice: String,
}

pub(in crate::web) async fn ask_days(Staff(context): Staff, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let pairs = parse_query(&raw.unwrap_or_default());
    let get = |name: &str| pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let notice = match get("deleted") {
        Some("later") => "The tasks are being deleted; this may take a while.".to_owned(),
        Some("1") => "1 task was deleted.".to_owned(),
        Some(number) => {
            number.parse().map(|number: u64| format!("{} tasks were deleted.", grouped(number))).unwrap_or_default()
        }
        None => String::new(),
    };
    let form = FormData(vec![("reason".to_owned(), get("reason").unwrap_or_default().to_owned())]);
    show(&context, get("days").unwrap_or(USUAL_DAYS), &form, Vec::new(), notice).await
}

pub(in crate::web) async fn delete(Staff(context): Staff, form: FormData) -> WebResult<Response> {
    let text = form.get("days").unwrap_or_default().to_owned();
    let reason = form.get("reason").unwrap_or_default().to_owned();
    let result = match days(&text) {
        Ok(days) => {
            let (app, user) = (context.app().clone(), context.user.clone());
            // In a task of its own: it may last longer than a request may.
            let work = tokio::spawn(async move { staff::delete_old(&app, &user, days, &reason).await });
            match tokio::time::timeout(TIMEOUT, work).await {
                Ok(ended) => ended
                    .map_err(|error| Error::Internal(format!("the deletion was interrupted: {error}")))?
                    .map(|number| number.to_string()),
                Err(_) => Ok("later".to_owned()),
            }
        }
        Err(error) => Err(Error::Invalid(vec![error])),
    };
    match result {
        Ok(deleted) => {
            let to = with_query(
                &context.paths.staff_under("purge"),
                &[("days".to_owned(), text), ("deleted".to_owned(), deleted)],
            );
            Ok(Redirect::to(&to).into_response())
        }
        Err(Error::Invalid(errors)) => {
            let mut response = show(&context, &text, &form, errors, String::new()).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

fn days(text: &str) -> Result<u64, FieldError> {
    text.trim().parse().map_err(|_| {
        FieldError::new(
            "days",
            "INVALID_VALUE",
            format!("{text:?} is not a whole number of days; allowed is one from 1"),
        )
    })
}

async fn show(
    context: &RequestContext,
    text: &str,
    form: &FormData,
    mut errors: Vec<FieldError>,
    notice: String,
) -> WebResult<Response> {
    let mut found = String::new();
    let counted = match days(text) {
        Ok(days) => staff::count_old(context.app(), &context.user, days).await,
        Err(error) => Err(Error::Invalid(vec![error])),
    };
    match counted {
        Ok(1) => found = format!("1 task ended more than {text} days ago."),
        Ok(number) => found = format!("{} tasks ended more than {text} days ago.", grouped(number)),
        Err(Error::Invalid(_)) if errors.iter().any(|error| error.field.as_deref() == Some("days")) => {}
        Err(Error::Invalid(more)) => errors.extend(more),
        Err(error) => return Err(error.into()),
    }
    let view = PurgeView {
        crumbs: vec![Link { label: "Staff".to_owned(), href: context.paths.staff() }],
        action: context.paths.staff_under("purge"),
        back_href: context.paths.staff(),
        days: text.to_owned(),
        days_error: at_field(&errors, "days"),
        found,
        reason: form.get("reason").unwrap_or_default().to_owned(),
        reason_error: at_field(&errors, "reason"),
        errors: elsewhere(&errors, &["days", "reason"]),
        notice,
    };
    context.page("staff_purge.html", "Delete old tasks", &view).await
}
