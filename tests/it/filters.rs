//! Are the rows that filters let through found, each once, however many others there are?

use std::collections::BTreeSet;

use store::rows::leads::{self, LeadFilter};
use store::{PageRequest, Store};
use tests::TestDatabase;
use tests::database::batch;
use tests::people::Person::{Alice, Bob};

/// More than one request looks at. Statuses and sources go by halves and thirds; one summary in 4,001 has the word.
const MANY: &str = "insert into leads (user_id, name, phone, status, source, sentiment, summary, created_at)
    select '{bob}', 'n' || n, '+1555' || n % 100, (array['new', 'booked'])[1 + n % 2], (array['Voice', 'SMS', 'Web'])[1 + n % 3],
      case when n % 7 > 0 then 'good' end, case when n % 4001 = 0 then 'A NEEDLE' end, timestamptz '2026-03-01 00:00+00' - n / 3 * interval '1 minute'
    from generate_series(1, 12000) n;
    analyze leads";

struct Case {
    filter: LeadFilter,
    /// The same in SQL.
    condition: &'static str,
}

fn cases() -> Vec<Case> {
    let text = |text: &str| Some(text.to_owned());
    let of = |condition, filter| Case { filter, condition };
    let none = LeadFilter::default;
    let time = |time: &str| Some(time.parse().unwrap());
    vec![
        of("true", none()),
        of(
            "status = 'booked'",
            LeadFilter {
                status: text("booked"),
                ..none()
            },
        ),
        of(
            "status = 'nobody'",
            LeadFilter {
                status: text("nobody"),
                ..none()
            },
        ),
        of(
            "sentiment = 'good' and source = 'Web'",
            LeadFilter {
                sentiment: text("good"),
                source: text("Web"),
                ..none()
            },
        ),
        // Half of the rows have the one, half the other, none has both.
        of(
            "status = 'new' and phone in ('+15551', '+15553')",
            LeadFilter {
                status: text("new"),
                phone: Some(vec!["+15551".into(), "+15553".into()]),
                ..none()
            },
        ),
        of(
            "phone = '+15552'",
            LeadFilter {
                phone: Some(vec!["+15552".into()]),
                ..none()
            },
        ),
        of(
            "summary ilike '%needle%'",
            LeadFilter {
                q: text("Needle"),
                ..none()
            },
        ),
        of(
            "summary ilike '%needle%' and status = 'new'",
            LeadFilter {
                q: text("needle"),
                status: text("new"),
                ..none()
            },
        ),
        of(
            "created_at >= '2026-02-27 22:00+00' and created_at < '2026-02-28 04:00+00'",
            LeadFilter {
                created_after: time("2026-02-27T22:00:00Z"),
                created_before: time("2026-02-28T04:00:00Z"),
                ..none()
            },
        ),
        of(
            "created_at >= '2026-02-27 22:00+00' and created_at < '2026-02-28 04:00+00' and source = 'SMS'",
            LeadFilter {
                created_after: time("2026-02-27T22:00:00Z"),
                created_before: time("2026-02-28T04:00:00Z"),
                source: text("SMS"),
                ..none()
            },
        ),
    ]
}

/// All pages of a list, and the count that the first one gave.
async fn walk(store: &Store, filter: &LeadFilter, limit: u16) -> (Vec<String>, Option<i64>, usize) {
    let (mut ids, mut count, mut pages) = (Vec::new(), None, 0);
    let mut page = PageRequest {
        limit,
        cursor: None,
        count: true,
    };
    loop {
        let listed = leads::list(store, &Bob.claims(), filter, &page).await.unwrap();
        assert!(listed.rows.len() <= usize::from(limit));
        count = count.or(listed.count);
        ids.extend(listed.rows.into_iter().map(|lead| lead.id));
        pages += 1;
        page = PageRequest {
            limit,
            cursor: listed.next,
            count: false,
        };
        if page.cursor.is_none() {
            return (ids, count, pages);
        }
    }
}

#[tokio::test]
async fn every_row_that_a_filter_lets_through_is_on_one_page_and_counted() {
    let database = TestDatabase::new().await.with_rows().await;
    let owner = database.superuser().await;
    batch(&owner, &MANY.replace("{bob}", Bob.id())).await;
    let store = database.store(1);
    for Case { filter, condition } in cases() {
        let sql = format!(
            "select id from leads where user_id = '{}' and {condition} order by created_at desc, id desc",
            Bob.id()
        );
        let truth: Vec<String> = owner
            .query(&sql, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        let (found, count, pages) = walk(&store, &filter, 200).await;
        assert_eq!(found, truth, "{condition}");
        assert_eq!(count, i64::try_from(truth.len()).ok(), "{condition}");
        assert!(pages <= truth.len() / 200 + 5, "{condition}: {pages} pages");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
    }
}

#[tokio::test]
async fn a_filter_finds_nothing_of_a_neighbours() {
    let database = TestDatabase::new().await.with_rows().await;
    let owner = database.superuser().await;
    batch(&owner, &MANY.replace("{bob}", Bob.id())).await;
    let store = database.store(1);
    for Case { filter, condition } in cases().into_iter().skip(1) {
        let page = PageRequest {
            limit: 200,
            cursor: None,
            count: true,
        };
        let listed = leads::list(&store, &Alice.claims(), &filter, &page)
            .await
            .unwrap();
        let sql = format!(
            "select count(*) from leads where user_id = '{}' and {condition}",
            Alice.id()
        );
        let own: i64 = owner.query_one(&sql, &[]).await.unwrap().get(0);
        assert_eq!(listed.count, Some(own), "{condition}");
        assert_eq!(i64::try_from(listed.rows.len()).ok(), Some(own), "{condition}");
    }
}
