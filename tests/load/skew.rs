//! What neighbours and one's own rows cost: every list, count, filter and dashboard route, one request at a time.

use hyper::StatusCode;
use tests::{Service, TestDatabase};

use crate::clients::{Asked, latency, rates};
use crate::earlier::Earlier;
use crate::report::Target::{AtLeast, AtMost};
use crate::report::{Line, number};
use crate::{rows, serve};

const ROUTES: [&str; 26] = [
    "/v1/leads?limit=20",
    "/v1/leads?status=nobody",
    "/v1/leads?source=nobody",
    "/v1/leads?sentiment=nobody",
    "/v1/leads?phone=%2B15550100001",
    "/v1/leads?q=nobody",
    "/v1/leads?status=new&source=nobody",
    "/v1/leads?created_before=2001-01-01T00:00:00Z",
    "/v1/leads?limit=20&count=exact",
    "/v1/leads?limit=20&count=exact&status=new",
    "/v1/contacts?limit=20",
    "/v1/contacts?company=nobody",
    "/v1/contacts?email=nobody@example.com",
    "/v1/contacts?limit=20&count=exact",
    "/v1/call-logs?sentiment=nobody",
    "/v1/call-logs?limit=20&count=exact",
    "/v1/automation-logs?action_type=nobody",
    "/v1/automation-logs?limit=20&count=exact",
    "/v1/webhook-events?status=failed",
    "/v1/webhook-events?limit=20&count=exact",
    "/v1/webhook-endpoints",
    STATS,
    "/v1/dashboard/funnel",
    SERIES,
    "/v1/dashboard/timeseries?interval=month&points=6",
    "/v1/dashboard/activity",
];
const STATS: &str = "/v1/dashboard/stats";
const SERIES: &str = "/v1/dashboard/timeseries?interval=day&points=30";
const TIMES: usize = 31;

/// Milliseconds of a route.
struct Route {
    path: &'static str,
    /// A tenant of 1,000 rows alone, and beside all others; the largest; the same by the earlier build.
    alone: f64,
    beside: f64,
    largest: f64,
    earlier: [(f64, StatusCode); 2],
}

/// All of it.
pub(crate) async fn measure(earlier: &Earlier) -> Vec<Line> {
    let (alone, crowded) = (TestDatabase::new().await, TestDatabase::new().await);
    rows::average_tenants(&alone.superuser().await).await;
    rows::all_tenants(&crowded.superuser().await).await;
    rows::average_tenants(&earlier.database("alone").await).await;
    rows::all_tenants(&earlier.database("crowded").await).await;
    let (quiet, before_quiet) = (serve(&alone.login_url(), &[]).await, earlier.serve("alone").await);
    let (loud, before) = (
        serve(&crowded.login_url(), &[]).await,
        earlier.serve("crowded").await,
    );

    let mut routes = Vec::new();
    for path in ROUTES {
        let route = route(path, &quiet, &loud, &before.url).await;
        println!(
            "{path}: {} ms alone, {} beside others, {} the largest; earlier {} beside others, {} the largest ({})",
            number(route.alone),
            number(route.beside),
            number(route.largest),
            number(route.earlier[0].0),
            number(route.earlier[1].0),
            route.earlier[1].1.as_u16()
        );
        routes.push(route);
    }
    let mut lines = skew(&routes);
    lines.extend(dashboards(&quiet, &before_quiet.url).await);
    lines
}

async fn route(path: &'static str, quiet: &Service, loud: &Service, before: &str) -> Route {
    // In turns, so that a slow moment is everybody's.
    let (mut alone, mut beside, mut largest) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        alone.push(latency(&quiet.url, "user-1", path, TIMES).await.0);
        beside.push(latency(&loud.url, "user-1", path, TIMES).await.0);
        largest.push(latency(&loud.url, rows::LARGEST, path, TIMES).await.0);
    }
    Route {
        path,
        alone: crate::clients::median(&mut alone),
        beside: crate::clients::median(&mut beside),
        largest: crate::clients::median(&mut largest),
        // Some take as long as it lets them.
        earlier: [
            latency(before, "user-1", path, 3).await,
            latency(before, rows::LARGEST, path, 1).await,
        ],
    }
}

fn skew(routes: &[Route]) -> Vec<Line> {
    let beside = worst(routes, |route| route.beside / route.alone);
    let largest = worst(routes, |route| route.largest / route.beside);
    let slowest = worst(routes, |route| route.largest);
    let before = worst(routes, |route| route.earlier[0].0 / route.alone);
    let before_slowest = worst(routes, |route| route.earlier[1].0);
    let count = routes.len();
    vec![
        Line::new(
            format!(
                "a tenant of 1,000 beside 1,000,000 and 10,000 tenants, of alone: the worst of {count} routes"
            ),
            beside.0,
            " ×",
            AtMost(1.15),
        )
        .of(beside.1)
        .earlier(format!("{} × ({})", number(before.0), before.1)),
        Line::new(
            "the tenant of 1,000,000, of the one of 1,000: the worst",
            largest.0,
            " ×",
            AtMost(3.0),
        )
        .of(largest.1),
        Line::new(
            "the tenant of 1,000,000: the slowest",
            slowest.0,
            " ms",
            AtMost(50.0),
        )
        .of(slowest.1)
        .earlier(format!("{} ms ({})", number(before_slowest.0), before_slowest.1)),
    ]
}

fn worst(routes: &[Route], of: impl Fn(&Route) -> f64) -> (f64, &'static str) {
    let all = routes.iter().map(|route| (of(route), route.path));
    all.max_by(|one, other| one.0.total_cmp(&other.0))
        .expect("there are routes")
}

async fn dashboards(service: &Service, before: &str) -> Vec<Line> {
    let measured = rates(&[
        Asked::get(&service.url, STATS, 0),
        Asked::get(before, STATS, 0),
        Asked::get(&service.url, SERIES, 0),
        Asked::get(before, SERIES, 0),
    ])
    .await;
    let [stats, stats_before, series, series_before] = measured[..] else {
        unreachable!("as many as were asked for")
    };
    let line = |what: &str, now: f64, before: f64| {
        Line::new(what, now / before, " ×", AtLeast(8.0))
            .of(format!("{now:.0}/s"))
            .earlier(format!("{before:.0}/s"))
    };
    vec![
        line("dashboard stats, × the earlier build", stats, stats_before),
        line("30-day series, × the earlier build", series, series_before),
    ]
}
