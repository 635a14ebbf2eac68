//! What an operator closes is closed at once, for those who are inside, too.

use entity::{application, application_connection, connection};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};

use crate::harness::{Client, TestApp};
use crate::support::{assert_alive, reason};

async fn assert_out(ann: &Client, what: &str) {
    assert_eq!(reason(&ann.me().await), "SESSION_REVOKED", "{what}");
    let answer = ann.refresh(&ann.refresh_token).await;
    assert!(
        matches!(
            answer.code().as_str(),
            "INVALID_REFRESH_TOKEN" | "INVALID_INPUT"
        ),
        "{what}: {}",
        answer.body
    );
}

on_both_databases! {
    async fn a_closed_application_or_connection_lets_nobody_go_on(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let db = test.app.db.write();
        let close = async |at: Option<chrono::DateTime<chrono::Utc>>, application: bool| {
            let at: Value = at.into();
            if application {
                use application::{Column, Entity};
                Entity::update_many().col_expr(Column::DisabledAt, at.into()).filter(Column::ClientId.eq("default")).exec(db).await.expect("an application");
            } else {
                use connection::{Column, Entity};
                Entity::update_many().col_expr(Column::DisabledAt, at.into()).filter(Column::Name.eq("default")).exec(db).await.expect("a connection");
            }
        };
        for application in [true, false] {
            close(Some(test.app.now()), application).await;
            assert_out(&ann, if application { "the application" } else { "the connection" }).await;
            close(None, application).await;
            assert_alive(&ann.me().await.ok());
        }
        application_connection::Entity::delete_many().exec(db).await.expect("no enabled connection");
        assert_out(&ann, "a connection that the application does not enable").await;
    }
}
