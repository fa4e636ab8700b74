/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What several scripts of the Redis back end share. */
#ifndef STORE_REDIS_LUA_PARTS_H
#define STORE_REDIS_LUA_PARTS_H

#include "lib/store/redis_lua.h"

/* Only with all keys of the slot here. */
#define SLOT                                                     \
	"if type(redis.pcall('EXISTS',p..'-'))=='table' then\n"  \
	" return redis.error_reply('TRYAGAIN the slot is being " \
	"moved')\n"                                              \
	"end\n"

/*
 * The expiry of a key: of one that is somebody's, and of one that belongs to
 * all, which is written all the time: once a day is enough.
 */
#define HELPERS                                               \
	"local function keep(k) R('EXPIRE',k,34560000) end\n" \
	"local function share(k)\n"                           \
	" k=p..k if R('TTL',k)<34473600 then keep(k) end\n"   \
	"end\n"                                               \
	"local function I(n) return string.format('%.0f',n) end\n"

/* A: arguments; p: the keys' prefix; N, I: to a number, to its text */
#define PROLOGUE                                                              \
	"local R,A,p,N=redis.call,ARGV,string.sub(KEYS[1],1,-2),tonumber\n"   \
	"local V=R('GET',KEYS[1])\n"                                          \
	"if not V then return redis.error_reply('AVERGONE the "               \
	"store was emptied') end\n"                                           \
	"if V~='" REDIS_VERSION "' then return redis.error_reply('AVERNEWER " \
	"the store has version '..V) end\n" SLOT HELPERS

/*
 * Counts: add(old or false, new), with the old one of one number or of two;
 * and both numbers of either.
 */
#define COUNTS                                                \
	"local function one(a,b) return a and a+b or b end\n" \
	"local function count(v)\n"                           \
	" if not v then return 0,0 end\n"                     \
	" local x,y=string.match(v,'^(%d+) ?(%d*)$')\n"       \
	" return N(x),N(y) or 0\n"                            \
	"end\n"                                               \
	"local function two(a,b)\n"                           \
	" if not a then return b end\n"                       \
	" local x,y=count(a)\n"                               \
	" local z,w=count(b)\n"                               \
	" return I(x+z)..' '..I(y+w)\n"                       \
	"end\n"

/* Gives a source to another; o: n and t of who had it. */
#define FENCE                                                          \
	"local function fence(k,n,t,o,seq)\n"                          \
	" R('HSET',k,'n',n,'t',t,'s',seq,'m',o[1] or '0','u',o[2] or " \
	"'')\n"                                                        \
	" keep(k)\n"                                                   \
	"end\n"

/* A member of an index: domain, code, generation. */
#define PART                                            \
	"local function part(m) return string.match(m," \
	"'^(.*)%z(................)(.+)$') end\n"

/* Arguments of what concerns a take: kind, domain, from, to, token, lease. */
#define TAKE                                                                 \
	PART "local kind,dom=A[1],A[2]\n"                                    \
	     "local q=p..'q:'..kind..':'..dom\n"                             \
	     "local idx=p..'i'..kind\n"                                      \
	     "local function key(code,gen) return "                          \
	     "p..'h'..kind..':'..gen..':'.."                                 \
	     "code..':'..dom end\n"                                          \
	     "local function list()\n"                                       \
	     " local out={}\n"                                               \
	     " for _,m in ipairs(R('ZRANGEBYLEX',idx,'['..dom..'\\0'..A[3]," \
	     "'('..dom..'\\0'..A[4])) do\n"                                  \
	     "  local d,code,gen=part(m)\n"                                  \
	     "  if d==dom then out[#out+1]={m,code,gen} end\n"               \
	     " end\n"                                                        \
	     " return out\n"                                                 \
	     "end\n"                                                         \
	     "local function move(a,b)\n"                                    \
	     " local ka,kb=p..'f:'..a..':'..dom,p..'f:'..b..':'..dom\n"      \
	     " for _,m in ipairs(R('ZRANGEBYSCORE',ka,A[3],'('..A[4])) do\n" \
	     "  R('ZADD',kb,R('ZSCORE',ka,m),m)\n"                           \
	     "  R('ZREM',ka,m)\n"                                            \
	     " end\n"                                                        \
	     " keep(kb)\n"                                                   \
	     "end\n"

#define HELD                                                                \
	"if R('GET',q)~=A[5] then return redis.error_reply('BUSY the hold " \
	"on these rows has ended') end\n"                                   \
	"R('PEXPIRE',q,A[6])\n"

/* Puts a report that stands under r:ID into the indexes. */
#define ENTER                                                  \
	"local function enter(id)\n"                           \
	" local h=p..'r:'..id\n"                               \
	" local f=R('HMGET',h,'domain','created','subs')\n"    \
	" local seq=string.format('%016x',R('HINCRBY',p..'c'," \
	"'stamp',1))\n"                                        \
	" R('HSET',h,'seq',seq)\n"                             \
	" R('ZADD',p..'R',f[2],seq..id)\n"                     \
	" R('ZADD',p..'rd:'..f[1],f[2],seq..id)\n"             \
	" keep(p..'rd:'..f[1])\n"                              \
	" for n in string.gmatch(f[3],'%d+') do\n"             \
	"  local s=R('HMGET',h,n..'s',n..'n',n..'l',n..'d')\n" \
	"  if s[1]=='0' then R('ZADD',p..'D',s[2],"            \
	"seq..string.format('%02x',N(n))..id) end\n"           \
	"  if N(s[3])>0 then\n"                                \
	"   R('ZADD',p..'tr',s[3],n..':'..id)\n"               \
	"   R('ZADD',p..'td:'..s[4],s[3],n..':'..id)\n"        \
	"   keep(p..'td:'..s[4])\n"                            \
	"  end\n"                                              \
	" end\n"                                               \
	" keep(h) share('R') share('D')\n"                     \
	" share('tr') share('c')\n"                            \
	"end\n"

/*
 * The keys below a prefix. On a server that others use too it looks at theirs,
 * so it asks for few at a time.
 */
#define KEYS                                                  \
	"local function scan(cursor,prefix,count)\n"          \
	" return R('SCAN',cursor,'MATCH',string.gsub(prefix," \
	"'[%[%]*?\\\\]','\\\\%0')..'*','COUNT',count)\n"      \
	"end\n"

/* A submission's fields, as redis_ledger.c reads them. */
#define SUB                                                          \
	"local function sub(id,n)\n"                                 \
	" return R('HMGET',p..'r:'..id,n..'#',n..'s',n..'a',n..'n'," \
	"n..'l',n..'g',n..'f',n..'e',n..'d',n..'u',n..'t','id')\n"   \
	"end\n"

/*
 * The numbers of changes follow the server's clock, so they go on upwards in a
 * store that was emptied, or has lost what a replica did not have.
 */
#define STS_CHANGE                                               \
	"local function changed(kind,other,dom)\n"               \
	" local c,l,t=p..'c',p..'L',R('TIME')\n"                 \
	" local last=N(R('HGET',c,'sts') or '0')\n"              \
	" local q=I(math.max(last+1,N(t[1])*1000000+N(t[2])))\n" \
	" if last==0 then R('HSET',c,'stsf',q) end\n"            \
	" R('HSET',c,'sts',q)\n"                                 \
	" R('ZREM',l,other..dom)\n"                              \
	" R('ZADD',l,q,kind..dom)\n"                             \
	" if R('ZCARD',l)>16384 then\n"                          \
	"  local x=R('ZRANGE',l,0,127,'WITHSCORES')\n"           \
	"  R('ZREMRANGEBYRANK',l,0,127)\n"                       \
	"  R('HSET',c,'stsf',x[#x])\n"                           \
	" end\n"                                                 \
	" share('v') share('L') share('c')\n"                    \
	" return {q,I(last)}\n"                                  \
	"end\n"

/*
 * A policy's fields, as redis_sts.c reads them; nil without one, and fewer when
 * something else is in its place, which gives way to what is written.
 */
#define STS_ROW                                                      \
	"local function fields(k,...)\n"                             \
	" local f=redis.pcall('HMGET',k,...)\n"                      \
	" if not f.err then return f end\n"                          \
	" R('UNLINK',k)\n"                                           \
	" return {}\n"                                               \
	"end\n"                                                      \
	"local function M(v) return N(v or '0') or 0 end\n"          \
	"local function row(d)\n"                                    \
	" local r=redis.pcall('HMGET',p..'m:'..d,'id','policy',"     \
	"'fetched','expires','used','refreshed','failed','failure'," \
	"'detail','next')\n"                                         \
	" if r.err then return {d} end\n"                            \
	" if r[1] then table.insert(r,1,d) return r end\n"           \
	"end\n"

#endif
