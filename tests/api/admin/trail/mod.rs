mod audit;
mod outbox;
mod prune;
