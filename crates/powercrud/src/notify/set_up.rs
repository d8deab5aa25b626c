//! From settings to notifiers, with every mistake.

#[cfg(any(feature = "mail", feature = "webhook"))]
mod trusted;

use std::sync::Arc;

use url::Url;

use powercrud_engine::{
    config::{Channel, Settings},
    notify::{Function, Notifier, TaskEndHook, tells_by},
    resource::Resource,
};
#[cfg(any(feature = "mail", feature = "webhook"))]
use trusted::Trusted;

/// The notifiers that settings and application configure; what is wrong joins `mistakes`.
pub(crate) fn set_up(
    settings: &Settings,
    hook: Option<TaskEndHook>,
    own: Vec<Arc<dyn Notifier>>,
    resources: &[Arc<Resource>],
    mistakes: &mut Vec<String>,
) -> Vec<Arc<dyn Notifier>> {
    let before = mistakes.len();
    let mut setting_up = SettingUp { settings, mistakes };
    setting_up.base_url();
    let reaching = setting_up.reaching_others();
    let is_sound = setting_up.mistakes.len() == before;
    setting_up.own(&own);
    setting_up.chosen(resources, hook.is_some(), !own.is_empty());
    let mut notifiers: Vec<Arc<dyn Notifier>> = Vec::new();
    if is_sound {
        notifiers.extend(reaching);
    }
    notifiers.extend(hook.map(|hook| Arc::new(Function(hook)) as Arc<dyn Notifier>));
    notifiers.extend(own);
    notifiers
}

struct SettingUp<'a> {
    settings: &'a Settings,
    mistakes: &'a mut Vec<String>,
}

impl SettingUp<'_> {
    fn complain(&mut self, key: &str, mistake: impl std::fmt::Display) {
        self.mistakes.push(format!("{key}: {mistake}"));
    }

    /// The value, or `None` and a complaint.
    #[cfg(any(feature = "mail", feature = "webhook"))]
    fn take<T>(&mut self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|mistake| self.complain(key, mistake)).ok()
    }

    fn base_url(&mut self) {
        let Some(text) = &self.settings.base_url else { return };
        let allowed = "allowed is where people reach these pages, such as https://shop.example.org/admin";
        let plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        if !Url::parse(text).is_ok_and(|url| plain(&url))
            || text.contains(|c: char| c.is_control() || c.is_whitespace())
        {
            self.complain("base_url", format!("{text:?} is not allowed; {allowed}"));
        }
    }

    /// Mail and webhooks, as far as this program was built with them.
    fn reaching_others(&mut self) -> Vec<Arc<dyn Notifier>> {
        #[cfg(any(feature = "mail", feature = "webhook"))]
        let trusted = self.trusted();
        let mut notifiers: Vec<Arc<dyn Notifier>> = Vec::new();
        #[cfg(feature = "mail")]
        notifiers.extend(self.email(trusted.as_ref()).map(|email| Arc::new(email) as Arc<dyn Notifier>));
        #[cfg(feature = "webhook")]
        notifiers.extend(self.webhook(trusted.as_ref()).map(|webhook| Arc::new(webhook) as Arc<dyn Notifier>));
        #[cfg(not(feature = "mail"))]
        self.refuse("email_url", "mail", self.settings.email_url.is_some());
        #[cfg(not(feature = "webhook"))]
        self.refuse("webhook_url", "webhook", self.settings.webhook_url.is_some());
        notifiers.shrink_to_fit();
        notifiers
    }

    /// Complains of a setting whose feature this program was built without.
    #[cfg(not(all(feature = "mail", feature = "webhook")))]
    fn refuse(&mut self, key: &str, feature: &str, is_set: bool) {
        if is_set {
            self.complain(key, format!("this program was built without the feature {feature:?} of PowerCRUD"));
        }
    }

    #[cfg(any(feature = "mail", feature = "webhook"))]
    fn trusted(&mut self) -> Option<Trusted> {
        let path = self.settings.tls_ca_file.as_deref()?;
        self.take("tls_ca_file", Trusted::read(path))
    }

    #[cfg(feature = "mail")]
    fn email(&mut self, trusted: Option<&Trusted>) -> Option<super::email::Email> {
        use super::email::{Email, Server};

        let settings = self.settings;
        let Some(url) = &settings.email_url else {
            if settings.email_from.is_some() {
                self.complain("email_from", "without email_url no mail is sent; set both or neither");
            }
            return None;
        };
        let server = self.take("email_url", Server::read(url.reveal(), trusted.map(|trusted| trusted.pem.as_slice())));
        let allowed = "allowed is an address such as shop@example.org or \"The shop <shop@example.org>\"";
        let from = match &settings.email_from {
            None => Err(format!("is missing, and email_url needs it: whom mail is from; {allowed}")),
            // Header values are one line.
            Some(from) if from.contains(char::is_control) => Err(format!("{from:?} is not allowed; {allowed}")),
            Some(from) => {
                from.parse::<lettre::message::Mailbox>().map_err(|_| format!("{from:?} is not allowed; {allowed}"))
            }
        };
        let from = self.take("email_from", from);
        if settings.base_url.is_none() {
            let what =
                "is missing, and email_url needs it: where people reach these pages, such as https://shop.example.org";
            self.complain("base_url", what);
        }
        let templates = crate::templates::Templates::new(settings.templates_dir.clone(), |_| {});
        Some(Email { server: server?, from: from?, templates })
    }

    #[cfg(feature = "webhook")]
    fn webhook(&mut self, trusted: Option<&Trusted>) -> Option<super::webhook::Webhook> {
        use super::webhook::{Client, Endpoint, Key, Webhook};

        let settings = self.settings;
        let Some(url) = &settings.webhook_url else {
            if settings.webhook_secret.is_some() {
                self.complain("webhook_secret", "without webhook_url nothing is signed; set both or neither");
            }
            return None;
        };
        let endpoint = self.take("webhook_url", Endpoint::read(url.reveal(), settings.webhook_allow_private));
        let key = match &settings.webhook_secret {
            Some(secret) => Key::read(secret.reveal()),
            None => {
                Err("is missing, and webhook_url needs it; echo whsec_$(openssl rand -base64 32) prints one".into())
            }
        };
        let key = self.take("webhook_secret", key);
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(trusted.into_iter().flat_map(|trusted| trusted.certificates.iter().cloned()));
        let client = self.take("webhook_url", Client::new(roots, settings.webhook_allow_private));
        Some(Webhook { endpoint: endpoint?, key: key?, client: Arc::new(client?) })
    }

    /// Channels that are chosen need their settings, and a function that is never called was meant to be.
    /// The application's own notifiers, whose notices are told apart by their names.
    fn own(&mut self, notifiers: &[Arc<dyn Notifier>]) {
        for (place, notifier) in notifiers.iter().enumerate() {
            let address = notifier.address();
            let is_twice = notifiers[..place].iter().any(|other| other.address() == address);
            let name = address.recipient.unwrap_or_default();
            let twice = is_twice.then(|| format!("there are two of the name {name:?}; give one of them another"));
            if let Some(mistake) = address.why_not_own().or(twice) {
                self.complain("notifier", mistake);
            }
        }
    }

    fn chosen(&mut self, resources: &[Arc<Resource>], has_hook: bool, has_own: bool) {
        let settings = self.settings;
        let default = &settings.bulk_async_notification;
        let complain = |channel: Channel, mistakes: &mut Vec<String>| {
            let needs = match channel {
                Channel::Email => "needs email_url, email_from and base_url",
                _ => "needs webhook_url and webhook_secret, or in code the function of on_task_end or a notifier",
            };
            let mistake = format!("{:?} {needs}", channel.as_str());
            if default.includes(channel) {
                return mistakes.push(format!("bulk_async_notification: {mistake}"));
            }
            for resource in resources.iter().filter(|resource| tells_by(resource, channel)) {
                mistakes.push(format!("resources.{}.bulk_async_notification: {mistake}", resource.name));
            }
        };
        if settings.email_url.is_none() {
            complain(Channel::Email, self.mistakes);
        }
        if settings.webhook_url.is_none() && !has_hook && !has_own {
            complain(Channel::Callback, self.mistakes);
        }
        let told = default.includes(Channel::Callback) || resources.iter().any(|one| tells_by(one, Channel::Callback));
        for (key, is_there) in [("on_task_end", has_hook), ("notifier", has_own)] {
            if told || !is_there {
                continue;
            }
            let allowed = "bulk_async_notification([Channel::Callback]) on one, or in the settings for all, calls it";
            self.complain(key, format!("no resource has the channel \"callback\"; {allowed}"));
        }
    }
}
