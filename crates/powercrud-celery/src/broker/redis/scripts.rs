//! What happens in Redis at once or not at all.

use std::sync::LazyLock;

use redis::Script;

/// The keys of each script: kombu's two, then ours: when who holds a message renewed it, and from which list it was taken.
pub(super) const KEYS: [&str; 4] = ["unacked_index", "unacked", "unacked_renewed", "unacked_origin"];

/// Takes the next message of the lists (the keys after the four). Returns the raw message and its tag; the tag is missing where
/// it can't be held because it is no message of kombu's, which is then taken for good. The message is spliced as it came: encoding it
/// again would turn empty arrays into objects.
pub(super) static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] + time[2] / 1000000
        for place = 5, #KEYS do
            local raw = redis.call('RPOP', KEYS[place])
            if raw then
                local is_read, message = pcall(cjson.decode, raw)
                local tag, exchange, routing_key
                if is_read and type(message) == 'table' and type(message.properties) == 'table' then
                    tag = message.properties.delivery_tag
                    local delivery = message.properties.delivery_info
                    if type(delivery) == 'table' then
                        exchange, routing_key = delivery.exchange, delivery.routing_key
                    end
                end
                if type(tag) ~= 'string' then
                    return {raw}
                end
                if type(exchange) ~= 'string' then exchange = '' end
                if type(routing_key) ~= 'string' then routing_key = '' end
                redis.call('ZADD', KEYS[1], now, tag)
                redis.call('HSET', KEYS[2], tag, '[' .. raw .. ', ' .. cjson.encode(exchange) .. ', ' .. cjson.encode(routing_key) .. ']')
                redis.call('ZADD', KEYS[3], now, tag)
                redis.call('HSET', KEYS[4], tag, KEYS[place])
                return {raw, tag}
            end
        end
        return false
        ",
    )
});

/// Settles messages for good.
pub(super) static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        for _, tag in ipairs(ARGV) do
            redis.call('ZREM', KEYS[1], tag)
            redis.call('HDEL', KEYS[2], tag)
            redis.call('ZREM', KEYS[3], tag)
            redis.call('HDEL', KEYS[4], tag)
        end
        ",
    )
});

/// Puts a message back, where it is still held; ARGV: its tag, the message, and for how many seconds nobody may have renewed it.
pub(super) static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] + time[2] / 1000000
        local renewed = redis.call('ZSCORE', KEYS[3], ARGV[1])
        if renewed and tonumber(renewed) > now - tonumber(ARGV[3]) then
            return
        end
        local list = redis.call('HGET', KEYS[4], ARGV[1])
        if redis.call('HDEL', KEYS[2], ARGV[1]) == 1 and list and ARGV[2] ~= '' then
            redis.call('RPUSH', list, ARGV[2])
        end
        redis.call('ZREM', KEYS[1], ARGV[1])
        redis.call('ZREM', KEYS[3], ARGV[1])
        redis.call('HDEL', KEYS[4], ARGV[1])
        ",
    )
});

/// Renews what is still held of the tags in ARGV.
pub(super) static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] + time[2] / 1000000
        for _, tag in ipairs(ARGV) do
            redis.call('ZADD', KEYS[1], 'XX', now, tag)
            redis.call('ZADD', KEYS[3], 'XX', now, tag)
        end
        ",
    )
});

/// The tags that nobody renewed for ARGV[1] seconds, a hundred at most.
pub(super) static LAPSED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] + time[2] / 1000000
        return redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. string.format('%.6f', now - tonumber(ARGV[1])), 'LIMIT', 0, 100)
        ",
    )
});
