//! How the prover speaks to the database: in one transaction, rolled back; many attempts to a round trip.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::future::{self, MaybeDone};
use tokio::sync::oneshot;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
use crate::nodes::Here;
use crate::progress::{Observer, Phase, Progress};
use crate::script::{Batch, Bundle, Outcome, Refusal, Reply, Row, Script};
use crate::sql::literal;

/// How many scripts make a batch; a message to the server has bounds.
const MOST: usize = 1_000;

/// Whether what a script did stays.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Effects {
    Kept,
    Undone,
}

/// The rolled-back transaction.
pub(crate) struct Session<'c> {
    client: &'c Client,
    pub(crate) admin: Admin,
    /// What of a spread database lies on this node.
    pub(crate) here: Here,
    round_trips: AtomicUsize,
    shares_plans: AtomicBool,
    /// What waits for company, while there may be some.
    queue: Mutex<Option<Queue>>,
    progress: Mutex<Progress>,
    observer: Option<&'c Observer<'c>>,
}

/// What a bundle came to, or the refusal of its fence.
type Answer = Result<Vec<Outcome>, Refusal>;
type Queue = Vec<(Bundle, oneshot::Sender<Answer>)>;

/// Who the prover is when it is nobody else.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    pub(crate) superuser: bool,
    /// The role that the session had been switched to, or `none`.
    role: String,
    /// Cannot write: a replica, or a session that is read-only.
    pub(crate) read_only: bool,
}

impl<'c> Session<'c> {
    /// Begins. A snapshot for the whole transaction, so that others' commits don't look like leaks.
    pub(crate) async fn begin(client: &'c Client, observer: Option<&'c Observer<'c>>) -> Result<Self, Error> {
        let mut session = Self {
            client,
            admin: Admin::default(),
            here: Here::default(),
            round_trips: AtomicUsize::new(0),
            shares_plans: AtomicBool::new(true),
            queue: Mutex::new(None),
            progress: Mutex::default(),
            observer,
        };
        session.must("begin isolation level repeatable read").await?;
        session
            .must(
                "set local lock_timeout = '100ms'; set local statement_timeout = '30s'; set local row_security = off; \
                 set local standard_conforming_strings = on; set local client_min_messages = error; \
                 set local idle_in_transaction_session_timeout = '60s'; set local jit = off; \
                 set local max_parallel_workers_per_gather = 0; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'",
            )
            .await?;
        let rows = session
            .must(
                "select rolsuper, current_setting('role'), pg_is_in_recovery() or \
                 current_setting('transaction_read_only') = 'on' from pg_roles where rolname = current_user",
            )
            .await?;
        let row = rows.first().ok_or(Error::Unexpected("the session's own role"))?;
        let text = |n: usize| row.get(n).cloned().flatten().unwrap_or_default();
        session.admin = Admin {
            superuser: text(0) == "t",
            role: text(1),
            read_only: text(2) == "t",
        };
        Ok(session)
    }

    /// Ends without a trace.
    pub(crate) async fn rollback(&self) -> Result<(), Error> {
        // What a function under attack locked for the session isn't undone by the rollback, nor what was prepared in a
        // batch that was cut short.
        self.must("rollback").await?;
        self.must(
            "select pg_advisory_unlock_all(); do $$ declare n name; begin \
             for n in select name from pg_prepared_statements where from_sql and name like 'mako\\_%' loop \
             execute format('deallocate %I', n); end loop; end $$",
        )
        .await
        .map(drop)
    }

    /// Statements that bring the session from an attacker back to the administrator.
    pub(crate) fn back(&self) -> String {
        let authorization = if self.admin.superuser {
            "set local session authorization default; "
        } else {
            ""
        };
        let role = if self.admin.superuser && self.admin.role == "none" {
            String::new()
        } else {
            format!(
                "set local role {}; ",
                if self.admin.role == "none" {
                    "none".to_owned()
                } else {
                    literal(&self.admin.role)
                }
            )
        };
        format!("{authorization}{role}set local row_security = off")
    }

    /// One script; an error aborts the transaction.
    pub(crate) async fn must(&self, sql: &str) -> Result<Vec<Row>, Error> {
        self.all(vec![sql.to_owned()])
            .await
            .pop()
            .unwrap_or_else(|| Ok(Vec::new()))
            .map_err(|refusal| Error::Database {
                code: refusal.code,
                message: refusal.message,
            })
    }

    /// Scripts one after the other, sent without waiting for each other's answers.
    pub(crate) async fn all(&self, scripts: Vec<String>) -> Vec<Outcome> {
        if scripts.is_empty() {
            return Vec::new();
        }
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        let mut answers: Vec<Pin<Box<MaybeDone<_>>>> = scripts
            .iter()
            .map(|sql| Box::pin(future::maybe_done(self.client.simple_query(sql))))
            .collect();
        // The first poll sends; in order, so that the server sees them in order.
        for answer in &mut answers {
            let _ = futures_util::poll!(answer.as_mut());
        }
        let mut outcomes = Vec::with_capacity(answers.len());
        for mut answer in answers {
            answer.as_mut().await;
            outcomes.push(match answer.as_mut().take_output() {
                Some(Ok(messages)) => Ok(last_rows(messages)),
                Some(Err(error)) => Err(refusal(&error)),
                None => Ok(Vec::new()),
            });
        }
        outcomes
    }

    /// Scripts that leave no trace, each undone before the next.
    pub(crate) async fn attempt(&self, scripts: Vec<Script>) -> Vec<Outcome> {
        let refused = |refusal: &Refusal| scripts.iter().map(|_| Err(refusal.clone())).collect();
        // As if each had been refused: nothing of it was run.
        self.attempt_within("", &scripts)
            .await
            .unwrap_or_else(|refusal| refused(&refusal))
    }

    /// Attempts within a fence: a statement that holds for all of them and is undone afterwards.
    /// The error is the fence's own refusal; nothing was attempted then.
    pub(crate) async fn attempt_within(
        &self,
        fence: &str,
        scripts: &[Script],
    ) -> Result<Vec<Outcome>, Refusal> {
        if scripts.is_empty() {
            return Ok(Vec::new());
        }
        let bundle = Bundle {
            about: self.progress().about.clone(),
            fence: fence.to_owned(),
            scripts: scripts.to_vec(),
        };
        let answer = self.queue(bundle);
        match answer {
            Ok(answer) => answer.await.unwrap_or_else(|_| Err(Refusal::lost())),
            Err(bundle) => self
                .run(Effects::Undone, &[bundle])
                .await
                .pop()
                .unwrap_or_else(|| Err(Refusal::lost())),
        }
    }

    /// Scripts that stay where they succeed.
    pub(crate) async fn keep(&self, scripts: Vec<Script>) -> Vec<Outcome> {
        let bundle = Bundle {
            about: String::new(),
            fence: String::new(),
            scripts,
        };
        let outcomes = self.run(Effects::Kept, std::slice::from_ref(&bundle)).await.pop();
        let refused = |refusal: Refusal| bundle.scripts.iter().map(|_| Err(refusal.clone())).collect();
        outcomes
            .unwrap_or_else(|| Err(Refusal::lost()))
            .unwrap_or_else(refused)
    }

    /// Does several things side by side, each with the name of what it is about; what they attempt at the same time
    /// shares its batches.
    pub(crate) async fn together<T: Future>(
        &self,
        tasks: impl IntoIterator<Item = (String, T)>,
    ) -> Vec<T::Output> {
        let named = tasks.into_iter().map(|(name, task)| {
            let mut task = Box::pin(task);
            future::poll_fn(move |context| {
                self.turn_to(&name);
                task.as_mut().poll(context)
            })
        });
        let mut all = std::pin::pin!(future::join_all(named));
        self.set_queue(Some(Vec::new()));
        loop {
            if let Poll::Ready(results) = futures_util::poll!(&mut all) {
                self.set_queue(None);
                return results;
            }
            // All of them wait.
            let (bundles, answers): (Vec<_>, Vec<_>) =
                self.set_queue(Some(Vec::new())).into_iter().flatten().unzip();
            if bundles.is_empty() {
                futures_util::pending!();
            }
            for (outcomes, answer) in self.run(Effects::Undone, &bundles).await.into_iter().zip(answers) {
                // Whoever has gone needs no answer.
                let _ = answer.send(outcomes);
            }
        }
    }

    /// A phase begins.
    pub(crate) fn enter(&self, phase: Phase) {
        let progress = Progress {
            phase,
            ..Progress::default()
        };
        *self.progress() = progress.clone();
        self.observer.iter().for_each(|tell| tell(&progress));
    }

    /// What is tried from here on is about this.
    pub(crate) fn turn_to(&self, name: &str) {
        name.clone_into(&mut self.progress().about);
    }

    fn tried(&self, about: &str, scripts: usize) {
        if scripts == 0 {
            return;
        }
        let mut progress = self.progress();
        progress.tried += scripts;
        let progress = Progress {
            about: about.to_owned(),
            ..progress.clone()
        };
        self.observer.iter().for_each(|tell| tell(&progress));
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_queue(&self, queue: Option<Queue>) -> Option<Queue> {
        std::mem::replace(
            &mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner),
            queue,
        )
    }

    /// Puts a bundle into the queue; the error is the bundle, if there is none.
    fn queue(&self, bundle: Bundle) -> Result<oneshot::Receiver<Answer>, Bundle> {
        match &mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => {
                let (sender, receiver) = oneshot::channel();
                queue.push((bundle, sender));
                Ok(receiver)
            }
            None => Err(bundle),
        }
    }

    /// Runs bundles in as few batches as time allows.
    async fn run(&self, effects: Effects, bundles: &[Bundle]) -> Vec<Answer> {
        self.progress().known += bundles.iter().map(|bundle| bundle.scripts.len()).sum::<usize>();
        let mut answers: Vec<Answer> = bundles.iter().map(|_| Ok(Vec::new())).collect();
        let done = |answer: &Answer, bundle: &Bundle| {
            answer.as_ref().map_or(usize::MAX, Vec::len) >= bundle.scripts.len()
        };
        loop {
            let open: Vec<usize> = (0..bundles.len())
                .filter(|n| !done(&answers[*n], &bundles[*n]))
                .collect();
            if open.is_empty() {
                return answers;
            }
            let (mut batch, mut room) = (Vec::new(), MOST);
            for n in &open {
                let rest = &bundles[*n].scripts[answers[*n].as_ref().map_or(0, Vec::len)..];
                let part = &rest[..rest.len().min(room)];
                room -= part.len();
                batch.push((bundles[*n].fence.as_str(), part));
                if room == 0 {
                    break;
                }
            }
            let progress = match self.batch(effects, &batch).await {
                Ok(replies) => {
                    for (n, reply) in open.iter().zip(&replies) {
                        self.tried(&bundles[*n].about, reply.len());
                    }
                    settle(&mut answers, &open, replies)
                }
                Err(refusal) => {
                    fail(&mut answers, &open, &refusal);
                    true
                }
            };
            if !progress {
                fail(&mut answers, &open, &Refusal::lost());
            }
        }
    }

    /// Plans every statement for whoever sends it, where a plan might remember whom it was made for.
    pub(crate) fn share_no_plans(&self) {
        self.shares_plans.store(false, Ordering::Relaxed);
    }

    pub(crate) fn shares_plans(&self) -> bool {
        self.shares_plans.load(Ordering::Relaxed)
    }

    /// Few statements, so that what the server logs of a failure is never the whole batch.
    async fn batch(&self, effects: Effects, bundles: &[(&str, &[Script])]) -> Result<Vec<Reply>, Refusal> {
        let back = self.back();
        let batch = Batch::new(effects == Effects::Kept, &back, self.shares_plans(), bundles);
        let work = serde_json::to_string(&batch).unwrap_or_default();
        let answers = self
            .all(vec![
                "savepoint mako_batch".to_owned(),
                format!("select set_config('mako.work', {}, true)", literal(&work)),
                include_str!("../sql/batch.sql").to_owned(),
                "select current_setting('mako.outcomes')".to_owned(),
                "release savepoint mako_batch".to_owned(),
            ])
            .await;
        if let Some(refusal) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            // Left as it is, the transaction would refuse everything else.
            self.all(vec![
                "rollback to savepoint mako_batch; release savepoint mako_batch".to_owned(),
            ])
            .await;
            return Err(refusal.clone());
        }
        let json = answers
            .into_iter()
            .nth(3)
            .transpose()?
            .into_iter()
            .flatten()
            .flatten()
            .flatten()
            .next();
        json.and_then(|json| serde_json::from_str(&json).ok())
            .ok_or_else(Refusal::lost)
    }

    pub(crate) fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::Relaxed)
    }
}

fn fail(answers: &mut [Answer], open: &[usize], refusal: &Refusal) {
    for n in open {
        answers[*n] = Err(refusal.clone());
    }
}

/// Adds what a batch came to; whether there was anything.
fn settle(answers: &mut [Answer], open: &[usize], replies: Vec<Reply>) -> bool {
    let mut progress = false;
    for (n, mut reply) in open.iter().zip(replies) {
        if let Some(refusal) = reply.refused.take() {
            answers[*n] = Err(refusal);
            progress = true;
        } else if let Ok(outcomes) = &mut answers[*n] {
            let before = outcomes.len();
            outcomes.extend(reply.outcomes());
            progress |= outcomes.len() > before;
        }
    }
    progress
}

/// The rows of the last statement that gave any.
fn last_rows(messages: Vec<SimpleQueryMessage>) -> Vec<Row> {
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(_) => rows.clear(),
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect());
            }
            _ => {}
        }
    }
    rows
}

fn refusal(error: &tokio_postgres::Error) -> Refusal {
    match error.as_db_error() {
        Some(db) => Refusal {
            code: db.code().code().to_owned(),
            message: db.message().to_owned(),
            constraint: db.constraint().map(str::to_owned),
        },
        None => Refusal::lost(),
    }
}
