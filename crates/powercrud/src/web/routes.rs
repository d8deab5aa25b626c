//! The table of addresses, of which the router is made and by which it can be listed.

use axum::{Router, routing::MethodRouter};

use super::{
    Web, account, assets, auth, bulk, detail, filter, form, home, list, live, messages, results, revert, selection,
    staff, task_page, tasks, tokens,
};
use crate::app::PowerCrud;

/// An address with what answers it.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) methods: &'static [&'static str],
    pub(super) handler: MethodRouter<Web>,
}

/// Addresses with what answers them.
pub(super) struct Table(pub(super) Vec<Route>);

/// `"/path" => get handler, post other;` and so on.
macro_rules! table {
    ($($path:literal => $($method:ident $handler:path),+;)*) => {
        $crate::web::routes::Table(vec![$($crate::web::routes::Route {
            path: $path,
            methods: &[$(stringify!($method)),+],
            handler: axum::routing::MethodRouter::new()$(.$method($handler))+,
        }),*])
    };
}
pub(super) use table;

impl Table {
    pub(super) fn router(self) -> Router<Web> {
        self.0.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler))
    }

    pub(super) fn list(&self) -> Vec<(String, Vec<String>)> {
        let methods = |route: &Route| route.methods.iter().map(|method| method.to_uppercase()).collect();
        self.0.iter().map(|route| (route.path.to_owned(), methods(route))).collect()
    }
}

/// What open pages ask whether the server lives.
pub(super) fn health() -> Table {
    table! {
        "/healthz" => get home::healthz;
    }
}

/// The pages.
pub(super) fn pages(app: &PowerCrud) -> Table {
    let mut pages = table! {
        "/" => get home::page;
        "/running" => get home::running;
        "/resources/{resource}" => get list::page;
        "/resources/{resource}/filter" => get filter::add;
        "/resources/{resource}/filter/form" => get filter::form;
        "/resources/{resource}/count" => get list::count;
        "/resources/{resource}/running" => get list::running;
        "/resources/{resource}/selection" => post selection::change;
        "/resources/{resource}/bulk-edit" => get bulk::edit_dialog, post bulk::edit;
        "/resources/{resource}/bulk-edit/preview" => post bulk::preview;
        "/resources/{resource}/bulk-delete" => get bulk::delete_dialog, post bulk::delete;
        "/resources/{resource}/actions/{action}" => get bulk::ask, post bulk::do_it;
        "/resources/{resource}/choices/{field}" => get form::choices;
        "/resources/{resource}/new" => get form::new, post form::create;
        "/resources/{resource}/records/{key}" => get detail::page;
        "/resources/{resource}/records/{key}/edit" => get form::edit, post form::update;
        "/resources/{resource}/records/{key}/delete" => get detail::confirm_delete, post detail::delete;
        "/resources/{resource}/records/{key}/actions/{action}" => get bulk::ask_one, post bulk::do_one;
        "/tasks" => get tasks::list;
        "/tasks/events" => get live::events;
        "/tasks/badge" => get messages::badge;
        "/tasks/{id}" => get task_page::page;
        "/tasks/{id}/progress" => get task_page::progress;
        "/tasks/{id}/notices" => get task_page::notices;
        "/tasks/{id}/strip" => get task_page::strip;
        "/tasks/{id}/results/{file}" => get results::download;
        "/tasks/{id}/pause" => post tasks::pause;
        "/tasks/{id}/resume" => post tasks::resume;
        "/tasks/{id}/cancel" => post tasks::cancel;
        "/tasks/{id}/retry" => post tasks::retry;
        "/tasks/{id}/revert" => get revert::dialog, post revert::revert;
        "/messages" => get messages::page;
        "/messages/seen" => post messages::all_seen;
        "/messages/{id}/seen" => post messages::seen;
        "/messages/{id}/shown" => post messages::shown;
        "/tokens" => get tokens::list, post tokens::create;
        "/tokens/new" => get tokens::new;
        "/tokens/{id}/revoke" => post tokens::revoke;
        "/staff" => get staff::page;
        "/staff/audit" => get staff::audit;
        "/staff/purge" => get staff::ask_days, post staff::delete;
        "/staff/tasks/{id}/{action}" => get staff::ask_why, post staff::do_it;
        "/assets/{*file}" => get assets::serve;
    };
    if app.has_login() {
        let login = table! {
            "/login" => get auth::page, post auth::sign_in;
            "/logout" => post auth::sign_out;
            "/account" => get account::page, post account::change_password;
        };
        pages.0.extend(login.0);
    }
    pages
}
