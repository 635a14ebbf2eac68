mod listed;
mod outbox;
