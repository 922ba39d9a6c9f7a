//! A Postgres of the tests' own, with Supabase's roles and schemas.

use devdb::{Data, Options, Postgres, Search};
use prove::{Model, Report};
use tokio_postgres::{Client, NoTls};

use crate::case::folder;

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn start() -> Postgres {
    start_with(&[("max_connections", "100"), ("log_min_messages", "fatal")])
}

pub(crate) fn start_with(settings: &[(&str, &str)]) -> Postgres {
    let owned = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options {
        data: Data::Ephemeral,
        search: Search::from_env(),
        settings: owned.collect(),
        cancel: devdb::Cancel::default(),
    };
    devdb::start(options, &mut |_| ()).unwrap()
}

/// A database with the ground that every case stands on.
pub(crate) async fn ground(url: &str) -> Client {
    let client = connect(url).await;
    let ground = std::fs::read_to_string(folder().join("supabase.sql")).unwrap();
    client.simple_query(&ground).await.unwrap();
    client
}

pub(crate) async fn prove(client: &mut Client, model: &str) -> Report {
    let model = Model::parse(model).unwrap();
    prove::run(client, &model, &prove::Options::default())
        .await
        .unwrap()
}
