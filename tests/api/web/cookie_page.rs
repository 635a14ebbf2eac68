use super::browse;
use crate::harness::{Backend, PASSWORD, Server, free_port};
use crate::support::list_origins;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_keeps_its_session_in_a_cookie() {
    let server = Server::start_now(Backend::Sqlite).await;
    server.test.user("ann").await;
    let port = free_port();
    list_origins(&server.test, &[&format!("http://127.0.0.1:{port}")]).await;
    let arguments = [&server.base, &port.to_string(), "ann@example.org", PASSWORD];
    browse("cookie_page.mjs", &arguments).await;
    server.stop().await;
}
