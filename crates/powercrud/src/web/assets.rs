//! Styles, scripts and pictures, compiled into the library.

use axum::{
    body::Body,
    extract::{Path, RawQuery},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use minijinja::{Environment, Error as TemplateError, ErrorKind, State};

use super::error::{Problem, WebResult};

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/assets"]
struct Assets;

/// The first digits of the SHA-256 of a file's content, in hexadecimal.
pub(super) fn hash(file: &str) -> Option<String> {
    let hash = Assets::get(file)?.metadata.sha256_hash();
    Some(hash[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The address of a file in `assets`, with its content's hash, under the base that the page's frame carries.
fn address(state: &State<'_, '_>, file: &str) -> Result<String, TemplateError> {
    let frame = state.lookup("frame").unwrap_or_default();
    let base = frame.get_attr("base")?;
    let hash = hash(file)
        .ok_or_else(|| TemplateError::new(ErrorKind::InvalidOperation, format!("there is no asset {file}")))?;
    Ok(format!("{}/assets/{file}?v={hash}", base.as_str().unwrap_or_default()))
}

/// Gives templates the function `asset`.
pub(super) fn extend(environment: &mut Environment<'static>) {
    environment.add_function("asset", address);
}

/// An address with the right hash may be kept for ever; without one the browser asks again each time.
pub(super) async fn serve(
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> WebResult<Response> {
    let (Some(asset), Some(hash)) = (Assets::get(&file), hash(&file)) else {
        return Err(Problem::not_found("There is no such file.").into());
    };
    let etag = format!("\"{hash}\"");
    let fresh = query.as_deref().is_some_and(|query| query.strip_prefix("v=") == Some(&hash));
    let caching = if fresh { "public, max-age=31536000, immutable" } else { "public, no-cache" };
    let common = [(header::CACHE_CONTROL, caching.to_owned()), (header::ETAG, etag.clone())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let kind = match file.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Ok((common, [(header::CONTENT_TYPE, kind)], Body::from(asset.data.into_owned())).into_response())
}
