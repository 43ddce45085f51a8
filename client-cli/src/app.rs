//! What every command works with: the output, the profile, and the session,
//! which is opened when a command first needs it.

use crate::args::{Common, Server};
use crate::exit::Failure;
use crate::notice::{self, Notice};
use crate::output::Output;
use crate::secret;
use coffer_client::protocol::link::Fingerprint;
use coffer_client::{Checking, Client, ClientError, ClientOptions, Home};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// See the module.
pub(crate) struct App {
    pub(crate) out: Output,
    profile: String,
    retry_for: Duration,
    client: Option<Client>,
    /// Says that a standby serves.
    pub(crate) notice: Arc<Notice>,
    checking: Checking,
}

impl App {
    pub(crate) fn new(common: Common) -> Self {
        let out = Output::new(common.json, common.quiet);
        let retry_for = Duration::from_secs(common.retry_for);
        let notice = Notice::new(!common.json && !common.quiet);
        let checking = Checking::default();
        if !common.json && !common.quiet {
            notice::attend_checking(checking.subscribe());
        }
        Self { out, profile: common.profile, retry_for, client: None, notice, checking }
    }

    /// Options for the chosen profile.
    pub(crate) fn options(&self) -> Result<ClientOptions, Failure> {
        let mut options = ClientOptions::new(Home::locate()?, self.profile.clone());
        options.agent = String::from(concat!("coffer ", env!("CARGO_PKG_VERSION")));
        options.policy.total = self.retry_for;
        options.checking = self.checking.clone();
        Ok(options)
    }

    /// The signed-in session.
    pub(crate) async fn client(&mut self) -> Result<Client, Failure> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = Client::resume(&self.options()?).await?;
        Ok(self.keep(client))
    }

    /// Uses this session from now on.
    pub(crate) fn keep(&mut self, client: Client) -> Client {
        self.notice.attend(&client);
        self.client = Some(client.clone());
        client
    }

    /// Ends the session: nothing is remembered of it.
    pub(crate) fn forget(&mut self) {
        self.client = None;
    }

    /// Runs `work` with the trust the user gives; an unknown server is asked
    /// about once.
    pub(crate) async fn with_trust<T, F>(
        &self,
        server: &Server,
        work: impl Fn(ClientOptions) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut options = self.options()?;
        options.trust = server.trust;
        match work(options.clone()).await {
            Err(ClientError::UnknownServer { fingerprint }) => {
                confirm_server(server, fingerprint)?;
                options.trust = Some(fingerprint);
                Ok(work(options).await?)
            }
            other => Ok(other?),
        }
    }

    /// Writes out what is left to write, and what the session has learned.
    pub(crate) async fn finish(mut self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let flushed = self.out.flush();
        let remembered = match self.client {
            Some(client) => {
                self.notice.say(&client.reach().borrow());
                client.remember().await
            }
            None => Ok(()),
        };
        outcome.and(flushed).and(remembered.map_err(Failure::from))
    }
}

fn confirm_server(server: &Server, fingerprint: Fingerprint) -> Result<(), Failure> {
    let hint = format!(
        "Use the whole link that `coffer-server link` prints, or compare the fingerprint with it \
         and add --trust {fingerprint}"
    );
    let unknown = || Failure::from(ClientError::UnknownServer { fingerprint });
    if !secret::can_ask() {
        return Err(Failure { hint, ..unknown() });
    }
    let (host, port) = (&server.link.host, server.link.port);
    secret::say(&format!(
        "The link has no fingerprint, so this server is not known yet.\n\
         Server:      {host}:{port}\n\
         Fingerprint: {fingerprint}\n\
         Compare it with the end of the link that `coffer-server link` prints there."
    ))?;
    if secret::confirm("Is it the same?")? { Ok(()) } else { Err(Failure { hint, ..unknown() }) }
}
