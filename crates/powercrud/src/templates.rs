//! Templates: built in, and replaced or extended at run time by those of a folder.
//!
//! `list.html` is the folder's file of that name where it has one, else the built-in; `!list.html` is the built-in always, so that a
//! folder's `list.html` may begin with `{% extends "!list.html" %}` and override single blocks. `book/list.html` is that of one resource
//! alone, and may extend either. In files whose names end in `.txt` nothing is escaped.

use std::path::PathBuf;

use minijinja::{
    AutoEscape, Environment, Error as TemplateError, ErrorKind, UndefinedBehavior,
    value::{Serde, Value},
};
use serde::Serialize;

use powercrud_engine::error::{Error, Result};

/// A template that somebody overrides may loop, but not for ever. A page of a thousand rows takes about a hundredth.
const FUEL: u64 = 200_000_000;

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/templates"]
struct BuiltIn;

/// Templates, with what those who render them add to the language.
pub(crate) struct Templates {
    folder: Option<PathBuf>,
    extend: Extend,
    environment: Environment<'static>,
}

/// Adds functions that templates may call.
type Extend = fn(&mut Environment<'static>);

impl Templates {
    pub(crate) fn new(folder: Option<PathBuf>, extend: Extend) -> Self {
        Self { environment: environment(folder.clone(), extend), folder, extend }
    }

    /// The name of the folder's own template for a resource, where it has one.
    fn of_resource(&self, resource: &str, name: &str) -> Option<String> {
        // A table's name is a folder's here, and never the way to another.
        let is_name = !resource.starts_with('.') && !resource.contains(['/', '\\', '\0']);
        let own = format!("{resource}/{name}");
        let folder = self.folder.as_ref().filter(|_| is_name)?;
        folder.join(&own).is_file().then_some(own)
    }

    /// Renders a page of a resource, by the template of that resource where the folder has one.
    pub(crate) fn render_for(&self, resource: Option<&str>, name: &str, context: &impl Serialize) -> Result<String> {
        let own = resource.and_then(|resource| self.of_resource(resource, name));
        self.render(own.as_deref().unwrap_or(name), context)
    }

    pub(crate) fn render(&self, name: &str, context: &impl Serialize) -> Result<String> {
        let context = Value::from(Serde(context));
        // While the crate itself is worked on, an edit shows at the next request.
        let fresh = cfg!(debug_assertions).then(|| environment(self.folder.clone(), self.extend));
        let environment = fresh.as_ref().unwrap_or(&self.environment);
        environment
            .get_template(name)
            .and_then(|template| template.render(context))
            .map_err(|error| Error::Internal(format!("template {name}: {}", whole(&error))))
    }
}

/// An error with its causes: an included template's error says only there what was wrong.
fn whole(error: &TemplateError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn environment(folder: Option<PathBuf>, extend: Extend) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|name| match name.ends_with(".txt") {
        true => AutoEscape::None,
        false => AutoEscape::Html,
    });
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(|output, state, value| match value.as_str() {
        Some(text) if !value.is_safe() && *state.auto_escape() == AutoEscape::Html => Ok(escape(output, text)?),
        _ => minijinja::escape_formatter(output, state, value),
    });
    extend(&mut environment);
    environment.set_loader(move |name| match (name.strip_prefix('!'), &folder) {
        (Some(name), _) => built_in(name),
        (None, None) => built_in(name),
        (None, Some(folder)) => match std::fs::read_to_string(folder.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => built_in(name),
            Err(error) => {
                Err(TemplateError::new(ErrorKind::InvalidOperation, format!("{name} can't be read: {error}")))
            }
        },
    });
    environment
}

/// What HTML needs, in text and in quoted attributes; addresses stay readable.
fn escape(output: &mut minijinja::Output<'_>, text: &str) -> std::fmt::Result {
    let mut rest = text;
    while let Some(place) = rest.find(['&', '<', '>', '"', '\'']) {
        output.write_str(&rest[..place])?;
        output.write_str(match rest.as_bytes()[place] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[place + 1..];
    }
    output.write_str(rest)
}

fn built_in(name: &str) -> std::result::Result<Option<String>, TemplateError> {
    match BuiltIn::get(name) {
        Some(file) => match String::from_utf8(file.data.into_owned()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(TemplateError::new(ErrorKind::InvalidOperation, format!("{name} is not UTF-8"))),
        },
        None => Ok(None),
    }
}
