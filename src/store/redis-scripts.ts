/**
 * The steps that must be atomic, as Lua scripts of Redis. KEYS[1] is the key of a record or a lock. All but READ return 1 for
 * yes and 0 for no.
 */

/**
 * Lua function: the id of the run of this Redis, or '' if `INFO` is not permitted. A Redis that was restarted may have lost
 * what the earlier run was told.
 */
const RUN = `
local function run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end`;

/** Reads the generation and the text of a record; both are nil when there is none. */
export const READ = `return redis.call('HMGET', KEYS[1], 'g', 'd')`;

/**
 * Writes a record if its generation is the expected one, and publishes the change. ARGV: expected generation, new generation,
 * text, time to live in ms, channel, message.
 */
export const WRITE = `${RUN}
if (redis.call('HGET', KEYS[1], 'g') or '0') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'g', ARGV[2], 'd', ARGV[3], 'r', run())
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1`;

/**
 * Redeems the refresh token of a generation, once. It refuses when this run of Redis is not the one that took the record,
 * because an earlier use could be forgotten. ARGV: generation.
 */
export const REDEEM = `${RUN}
local held = redis.call('HMGET', KEYS[1], 'g', 'r', 'u')
if held[1] ~= ARGV[1] or held[2] == '' or held[2] ~= run() or held[3] then return 0 end
redis.call('HSET', KEYS[1], 'u', '1')
return 1`;

/** Extends the lease of a lock if the holder has it. ARGV: holder, lease in ms. */
export const EXTEND = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** Frees a lock if the holder has it. ARGV: holder. */
export const FREE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** The time of Redis in ms. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/**
 * Reads how often a callback was marked. KEYS: the ends of the windows (a sorted set of ids), the counts (a hash by id). ARGV:
 * id.
 */
export const SEEN = `${NOW}
local til = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not til or tonumber(til) <= now then return 0 end
return tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')`;

/**
 * Marks a callback, and forgets those whose window is over, and the oldest ones beyond the limit. KEYS: as for {@link SEEN}. ARGV:
 * id, window in ms, how many are kept.
 */
export const MARK = `${NOW}
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
for _, id in ipairs(old) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
end
local til = redis.call('ZSCORE', KEYS[1], ARGV[1])
if til and tonumber(til) <= now then redis.call('HDEL', KEYS[2], ARGV[1]) end
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local over = redis.call('ZCARD', KEYS[1]) - ARGV[3]
while over > 0 do
  local id = redis.call('ZPOPMIN', KEYS[1])[1]
  redis.call('HDEL', KEYS[2], id)
  over = over - 1
end
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[2]) end
end
return 1`;
