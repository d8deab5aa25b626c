//! A virtual host of RabbitMQ for each test, on the server of this machine.

use std::process::{Command, Stdio};

/// It goes with its test.
pub(crate) struct Rabbit {
    pub(crate) vhost: String,
}

impl Rabbit {
    /// `None` where there is no server, or it is not this user's to command.
    pub(crate) fn start() -> Option<Self> {
        let vhost = format!("powercrud-{}", uuid::Uuid::new_v4().simple());
        let made = rabbitmqctl(&["add_vhost", &vhost])
            && rabbitmqctl(&["set_permissions", "-p", &vhost, "guest", ".*", ".*", ".*"]);
        made.then_some(Self { vhost })
    }

    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:5672/{}", self.vhost)
    }

    /// What `rabbitmqctl` lists of it.
    pub(crate) fn lists(&self, what: &[&str]) -> String {
        let (command, columns) = what.split_first().expect("what to list");
        let listed = Command::new("rabbitmqctl").args(["--quiet", command, "-p", &self.vhost]).args(columns).output();
        listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default()
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        rabbitmqctl(&["delete_vhost", &self.vhost]);
    }
}

pub(crate) fn rabbitmqctl(args: &[&str]) -> bool {
    let mut command = Command::new("rabbitmqctl");
    command.arg("--quiet").args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
