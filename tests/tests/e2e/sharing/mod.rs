//! Who may do what: an owner, a recipient and a stranger, every operation, on a
//! shared file, a shared directory, what is inside, nested shares and groups,
//! on both engines. Every cell of the table is tried against a real server; a
//! refusal has changed nothing, and a success has changed what it says.

mod cli;
mod document;
mod ops;
mod scene;
mod table;

use coffer_protocol::ErrorCode;
use coffer_protocol::message::share::{GroupEdit, Mode};
use coffer_tests::person::{Answer, Person, user};
use coffer_tests::{Engine, Server};
use futures_util::StreamExt as _;
use ops::perform;
use scene::{Cast, Scene, TEAM};
use std::time::Instant;
use table::{COLUMNS, Op, Outcome, ROWS, Way, changes, expected};

/// Columns that are walked side by side, each with people of its own.
const LANES: usize = 4;

/// What a request came to, in the words of the table.
fn outcome(answer: &Answer<()>) -> Option<Outcome> {
    match answer {
        Ok(()) => Some(Outcome::Allowed),
        Err(error) => match error.code {
            ErrorCode::NOT_ALLOWED => Some(Outcome::NotAllowed),
            ErrorCode::NOT_FOUND | ErrorCode::NO_SUCH_SHARE => Some(Outcome::NotFound),
            _ => None,
        },
    }
}

/// One column of the table. Returns what was not as expected.
async fn walk_column(cast: &Cast, column: usize, grouped: bool) -> Vec<String> {
    let (subject, way) = COLUMNS[column];
    let mut scene = None;
    let mut wrong = Vec::new();
    for (op, _, letters) in ROWS {
        let Some(expected) = expected(letters, column) else { continue };
        // Nobody else is here: the next request finds what was seen after the last one,
        // and if something of that came late, it shows now.
        let (here, before) = if let Some(kept) = scene.take() {
            kept
        } else {
            let made = Scene::make(cast, subject, way, grouped).await;
            let state = made.state(cast).await;
            (made, state)
        };
        let answer = perform(op, cast, &here).await;
        let after = here.state(cast).await;
        let name = format!("{op:?} on {subject:?}, {way:?}, through a group: {grouped}");
        let met = outcome(&answer);
        if met != Some(expected) {
            wrong.push(format!("{name}: expected {expected:?}, got {answer:?}"));
        }
        if let Err(error) = &answer {
            assert!(!error.message.is_empty(), "{name}: a refusal says why");
        }
        let changed = before != after;
        let should = answer.is_ok() && changes(op);
        // What is given and taken back at once leaves no trace; who leaves what a
        // group gave leaves none that the owner sees among the shares.
        let traceless = matches!(op, Op::Unshare | Op::Leave) && answer.is_ok();
        if changed != should && !traceless {
            wrong.push(format!("{name}: changed: {changed}; {before:#?} {after:#?}"));
        }
        scene = (!changed && !traceless).then_some((here, after));
    }
    wrong
}

async fn cast(server: &Server, lane: usize) -> Cast {
    let link = server.link().parse().expect("a link");
    let name = |who: &str| format!("{who}-{lane}");
    let owner = Person::sign_up(&link, &name("owner")).await;
    let recipient = Person::sign_up(&link, &name("recipient")).await;
    let stranger = Person::sign_up(&link, &name("stranger")).await;
    let members = GroupEdit::Create(vec![recipient.name.clone()]);
    owner.edit_group(TEAM, members).await.expect("a group");
    // The stranger is no newcomer: something else is shared with him.
    let other = owner.mkdir(&owner.own(""), "for the stranger").await.expect("a directory");
    let place = coffer_tests::person::node_place(other);
    owner.share(&place, &user(&stranger.name), Mode::Write).await.expect("shared");
    Cast::new(owner, recipient, stranger)
}

fn walk_table(engine: Engine) {
    let server = Server::start(engine);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let begun = Instant::now();
    let wrong: Vec<String> = runtime.block_on(async {
        let shared = |column: &usize| !matches!(COLUMNS[*column].1, Way::Nothing | Way::Own);
        let columns = 0..COLUMNS.len();
        let grouped = columns.clone().filter(shared).map(|column| (column, true));
        let cells: Vec<_> = columns.map(|column| (column, false)).chain(grouped).collect();
        let mut lanes = Vec::new();
        for lane in 0..LANES {
            lanes.push(cast(&server, lane).await);
        }
        let walks = lanes.iter().enumerate().map(|(lane, cast)| {
            let mine: Vec<_> = cells.iter().skip(lane).step_by(LANES).copied().collect();
            async move {
                let mut wrong = Vec::new();
                for (column, grouped) in mine {
                    wrong.extend(walk_column(cast, column, grouped).await);
                }
                wrong
            }
        });
        let lanes: Vec<_> =
            futures_util::stream::iter(walks).buffer_unordered(LANES).collect().await;
        lanes.into_iter().flatten().collect()
    });
    eprintln!("{engine:?}: {:?}", begun.elapsed());
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
    server.assert_check_is_clean();
}

#[test]
fn the_table_holds_on_sqlite() {
    walk_table(Engine::Sqlite);
}

#[test]
fn the_table_holds_on_mariadb() {
    walk_table(Engine::MariaDb);
}
