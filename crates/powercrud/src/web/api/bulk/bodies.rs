//! The bodies of bulk requests, as the OpenAPI document describes them. They are read key by key, so that every mistake is told at once.

use serde::Deserialize;
use utoipa::ToSchema;

/// A body: which records, how, and what the operation takes itself.
macro_rules! body {
    ($(#[$about:meta])* $name:ident { $($(#[$own:meta])* $field:ident: $type:ty)? }) => {
        $(#[$about])*
        #[derive(Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "describes the body")]
        pub(super) struct $name {
            /// The records' keys: a string or number each; an array of them where the key has several fields.
            #[schema(inline, nullable = false, min_items = 1)]
            ids: Option<Vec<Key>>,
            /// Conditions as in a list's address: `FIELD` or `FIELD__OPERATOR`, and a value; an array for `in`; `q` searches.
            #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, serde_json::Value>>)]
            filter: Option<serde_json::Value>,
            /// Every record: true.
            #[schema(nullable = false)]
            all: Option<bool>,
            $($(#[$own])* $field: $type,)?
            /// Only return a preview.
            #[schema(nullable = false)]
            validate_only: Option<bool>,
            /// A name of your choice for this request. Sent again within a day, the same request with the same name is not carried out again: it
            /// is answered with its task, even if that has ended.
            #[schema(nullable = false, min_length = 1, max_length = 200)]
            request_id: Option<String>,
            /// Run in the background, however few the records are.
            #[schema(nullable = false)]
            background: Option<bool>,
            /// How many records you expect to be selected, as `total_records` of a preview says. If there are more or fewer by now, nothing
            /// is done, and the answer is 409 with the code `SELECTION_CHANGED`.
            #[schema(nullable = false)]
            expected_count: Option<u64>,
        }
    };
}

body! {
    /// Which records to change, and how. Exactly one of `ids`, `filter` and `all` selects them.
    BulkUpdate {
        /// The new values by field name; null sets NULL. For a many-to-many field (those of the resource's `many_to_many` that are
        /// `bulk_editable`), an object says what happens to its links: `add` and `remove`, each an array of keys of the linked records,
        /// alone or together; or `replace`, an array of the keys to be linked and no others; or `clear`: true. Adding what is
        /// linked already and removing what is not changes nothing and is no mistake.
        #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
        changes: serde_json::Value
    }
}

body! {
    /// Which records to delete. Exactly one of `ids`, `filter` and `all` selects them.
    BulkDelete {}
}

body! {
    /// Which records to run the action on. Exactly one of `ids`, `filter` and `all` selects them.
    BulkAction {
        /// The values of the action's `fields`, by name: strings, numbers, true or false, dates as `2026-01-31`. A field that is left
        /// out has its default; null is no value.
        #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, serde_json::Value>>)]
        values: Option<serde_json::Value>
    }
}

/// A record's key.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a part of the body")]
pub(super) enum Key {
    Text(String),
    Number(i64),
    Parts(Vec<KeyPart>),
}

/// One field of a record's key.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a part of the body")]
pub(super) enum KeyPart {
    Text(String),
    Number(i64),
}
