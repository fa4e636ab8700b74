/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The scripts of the ledger and of what else the store keeps by name. */
#include "lib/store/redis_lua_parts.h"

const char *const redis_ledger_scripts[] = {
    [REDIS_REPORT - REDIS_LEDGER_FIRST] =
	PROLOGUE "local k=p..'r:'..A[1]\n"
		 "if R('EXISTS',k)==0 then return false end\n"
		 "local f={'id','kind','domain','begin','end','created',"
		 "'rows','messages','size','file','record'}\n"
		 "if A[2]=='1' then f[12]='body' end\n"
		 "return R('HMGET',k,unpack(f))\n",
    /* domain, since, to, newest first, offset, limit, kind, state */
    [REDIS_REPORTS - REDIS_LEDGER_FIRST] =
	PROLOGUE "local dom,since,to,rev,off,limit,kind,state=A[1],A[2],"
		 "A[3],A[4]=='1',A[5],A[6],A[7],A[8]\n"
		 "local k=dom=='' and p..'R' or p..'rd:'..dom\n"
		 "local l\n"
		 "if rev then l=R('ZREVRANGEBYSCORE',k,to,since,'LIMIT',off,"
		 "limit)\n"
		 "else l=R('ZRANGEBYSCORE',k,since,to,'LIMIT',off,limit) end\n"
		 "local out={#l}\n"
		 "for _,m in ipairs(l) do\n"
		 " local h=p..'r:'..string.sub(m,17)\n"
		 " local r=R('HMGET',h,'id','kind','domain','begin','end',"
		 "'created','rows','messages','size','file','record','subs',"
		 "'seq')\n"
		 " local good=r[1] and r[13]==string.sub(m,1,16) and "
		 "(kind=='-1' or r[2]==kind)\n"
		 " if good and state~='-1' then\n"
		 "  good=false\n"
		 "  for n in string.gmatch(r[12],'%d+') do good=good or "
		 "R('HGET',h,n..'s')==state end\n"
		 " end\n"
		 " if good then out[#out+1]=r end\n"
		 "end\n"
		 "return out\n",
    [REDIS_SUBS - REDIS_LEDGER_FIRST] =
	PROLOGUE SUB "local out={}\n"
		     "if A[2]~='0' then\n"
		     " if R('HEXISTS',p..'r:'..A[1],A[2]..'s')==1 then "
		     "out[1]=sub(A[1],A[2]) end\n"
		     " return out\n"
		     "end\n"
		     "local l={}\n"
		     "for n in string.gmatch(R('HGET',p..'r:'..A[1],'subs') or "
		     "'','%d+') do l[#l+1]=n end\n"
		     "table.sort(l,function(x,y) return N(x)<N(y) end)\n"
		     "for _,n in ipairs(l) do out[#out+1]=sub(A[1],n) end\n"
		     "return out\n",
    [REDIS_DUES - REDIS_LEDGER_FIRST] = PROLOGUE SUB
    "local now=N(A[1])\n"
    "local l=R('ZRANGEBYSCORE',p..'D','-inf',A[1],'LIMIT',A[3],"
    "A[4])\n"
    "local out={#l}\n"
    "for _,m in ipairs(l) do\n"
    " local id,n=string.sub(m,19),I(N(string.sub(m,17,18),16))\n"
    " local f=R('HMGET',p..'r:'..id,'kind',n..'s',n..'e')\n"
    " if f[2]=='0' and N(f[3])<=now and (A[2]=='-1' or "
    "f[1]==A[2]) then out[#out+1]=sub(id,n) end\n"
    "end\n"
    "return out\n",
    [REDIS_NEXT - REDIS_LEDGER_FIRST] =
	PROLOGUE "return R('ZRANGE',p..'D',0,0,'WITHSCORES')\n",
    [REDIS_COUNT - REDIS_LEDGER_FIRST] =
	PROLOGUE "return R('ZCOUNT',A[2]=='' and p..'tr' or p..'td:'..A[2],"
		 "A[1],'+inf')\n",
    /* now, until, the call, then id and number of each: their fences, or 0 */
    [REDIS_CLAIM - REDIS_LEDGER_FIRST] =
	PROLOGUE "local now,out,seen=N(A[1]),{},{}\n"
		 "local function claim(id,n)\n"
		 " local h=p..'r:'..id\n"
		 " if seen[n..h] then return '0' end\n"
		 " seen[n..h]=true\n"
		 " local f=R('HMGET',h,n..'s',n..'n',n..'e',n..'f',n..'d',"
		 "n..'c')\n"
		 " if f[6]==A[3] then return f[4] end\n"
		 " if f[1]~='0' or N(f[2])>now or N(f[3])>now then return '0' "
		 "end\n"
		 " local fence=R('HINCRBY',h,n..'f',1)\n"
		 " R('HINCRBY',h,n..'a',1)\n"
		 " R('HSET',h,n..'e',A[2],n..'l',A[1],n..'c',A[3])\n"
		 " if now>0 then\n"
		 "  R('ZADD',p..'tr',A[1],n..':'..id)\n"
		 "  R('ZADD',p..'td:'..f[5],A[1],n..':'..id)\n"
		 "  keep(p..'td:'..f[5])\n"
		 " end\n"
		 " return I(fence)\n"
		 "end\n"
		 "for i=4,#A,2 do out[#out+1]=claim(A[i],A[i+1]) end\n"
		 "share('tr')\n"
		 "return out\n",
    [REDIS_RENEW - REDIS_LEDGER_FIRST] =
	PROLOGUE "local id,n=A[1],A[2]\n"
		 "local h=p..'r:'..id\n"
		 "local f=R('HMGET',h,n..'f',n..'e')\n"
		 "if f[1]~=A[3] or N(f[2])<=0 then return 0 end\n"
		 "R('HSET',h,n..'e',A[4])\n"
		 "return 1\n",
    [REDIS_RELEASE - REDIS_LEDGER_FIRST] =
	PROLOGUE "local id,n=A[1],A[2]\n"
		 "local h=p..'r:'..id\n"
		 "local f=R('HMGET',h,n..'f',n..'e',n..'d',n..'c')\n"
		 "if f[4]==A[4] then return 1 end\n"
		 "if f[1]~=A[3] or N(f[2])<=0 then return 0 end\n"
		 "R('HINCRBY',h,n..'a',-1)\n"
		 "R('HSET',h,n..'e','0',n..'l',A[5],n..'c',A[4])\n"
		 "for _,k in ipairs({p..'tr',p..'td:'..f[3]}) do\n"
		 " if N(A[5])>0 then R('ZADD',k,A[5],n..':'..id)\n"
		 " else R('ZREM',k,n..':'..id) end\n"
		 "end\n"
		 "share('tr')\n"
		 "return 1\n",
    [REDIS_FINISH - REDIS_LEDGER_FIRST] =
	PROLOGUE "local id,n=A[1],A[2]\n"
		 "local h=p..'r:'..id\n"
		 "local f=R('HMGET',h,n..'f',n..'e',n..'s','seq',n..'c')\n"
		 "if f[5]==A[4] then return 1 end\n"
		 "if f[1]~=A[3] or N(f[2])<=0 then return 0 end\n"
		 "local state=A[5]\n"
		 "if f[3]=='5' or (f[3]~='0' and state=='0') then "
		 "state=f[3] end\n"
		 "R('HSET',h,n..'e','0',n..'t',A[7],n..'n',A[6],n..'s',"
		 "state,n..'c',A[4])\n"
		 "local m=f[4]..string.format('%02x',N(n))..id\n"
		 "if state=='0' then R('ZADD',p..'D',A[6],m) else R('ZREM',"
		 "p..'D',m) end\n"
		 "share('D')\n"
		 "return 1\n",
    [REDIS_SET - REDIS_LEDGER_FIRST] =
	PROLOGUE "local id,one,state=A[1],A[2],A[3]\n"
		 "local h=p..'r:'..id\n"
		 "if R('EXISTS',h)==0 or (one~='0' and R('HEXISTS',h,"
		 "one..'s')==0) then return false end\n"
		 "local f=R('HMGET',h,'subs','seq')\n"
		 "local changed=0\n"
		 "for n in string.gmatch(f[1],'%d+') do\n"
		 " local g=R('HMGET',h,n..'s',n..'e')\n"
		 " local fits=g[1]=='0'\n"
		 " if state=='0' then fits=true\n"
		 " elseif state=='5' then fits=g[1]=='1' or (g[1]=='0' and "
		 "N(g[2])>0) end\n"
		 " if (one=='0' or one==n) and fits then\n"
		 "  local m=f[2]..string.format('%02x',N(n))..id\n"
		 "  changed=changed+1\n"
		 "  R('HSET',h,n..'s',state,n..'t',A[6])\n"
		 "  if state=='0' then\n"
		 "   R('HSET',h,n..'a','0',n..'n',A[4],n..'g',A[5],n..'e',"
		 "'0',n..'c','')\n"
		 "   R('HINCRBY',h,n..'f',1)\n"
		 "   R('ZADD',p..'D',A[4],m)\n"
		 "  else R('ZREM',p..'D',m) end\n"
		 " end\n"
		 "end\n"
		 "keep(h) share('D')\n"
		 "return changed\n",
    /* before, offset, how many to look at; or the one alone */
    [REDIS_FORGET_REPORTS - REDIS_LEDGER_FIRST] =
	PROLOGUE "local l\n"
		 "if A[4]~='' then\n"
		 " local seq=R('HGET',p..'r:'..A[4],'seq')\n"
		 " l={seq and seq..A[4]}\n"
		 "else\n"
		 " l=R('ZRANGEBYSCORE',p..'R','-inf','('..A[1],'LIMIT',"
		 "A[2],A[3])\n"
		 "end\n"
		 "local gone=0\n"
		 "for _,m in ipairs(l) do\n"
		 " local id=string.sub(m,17)\n"
		 " local h=p..'r:'..id\n"
		 " local f=R('HMGET',h,'domain','subs','seq')\n"
		 " local pending=false\n"
		 " if f[3]==string.sub(m,1,16) then\n"
		 "  for n in string.gmatch(f[2],'%d+') do pending=pending "
		 "or R('HGET',h,n..'s')=='0' end\n"
		 "  if not pending then\n"
		 "   for n in string.gmatch(f[2],'%d+') do\n"
		 "    R('ZREM',p..'tr',n..':'..id)\n"
		 "    R('ZREM',p..'td:'..R('HGET',h,n..'d'),n..':'..id)\n"
		 "   end\n"
		 "   R('ZREM',p..'rd:'..f[1],m)\n"
		 "   R('UNLINK',h)\n"
		 "  end\n"
		 " end\n"
		 " if not pending then R('ZREM',p..'R',m) gone=gone+1 end\n"
		 "end\n"
		 "return {#l,gone}\n",
    [REDIS_SECRET - REDIS_LEDGER_FIRST] =
	PROLOGUE "if A[2]~='' then R('HSETNX',p..'w',A[1],A[2]) "
		 "keep(p..'w') end\n"
		 "return R('HGET',p..'w',A[1])\n",
    [REDIS_SUPPRESSIONS - REDIS_LEDGER_FIRST] =
	PROLOGUE "return R('HGETALL',p..'p')\n",
    [REDIS_SUPPRESSED - REDIS_LEDGER_FIRST] =
	PROLOGUE "return R('HGET',p..'p',A[1])\n",
    /* key, 1 to compare, new (empty: remove), old */
    [REDIS_SUPPRESS - REDIS_LEDGER_FIRST] =
	PROLOGUE "if A[2]=='1' then\n"
		 " local old=R('HGET',p..'p',A[1])\n"
		 " if (old or '')~=A[4] then return 1 end\n"
		 "end\n"
		 "if A[3]=='' then return R('HDEL',p..'p',A[1])==1 and 0 or "
		 "2 end\n"
		 "R('HSET',p..'p',A[1],A[3])\n"
		 "keep(p..'p')\n"
		 "return 0\n",
    [REDIS_STS_PUT - REDIS_LEDGER_FIRST] = PROLOGUE STS_CHANGE STS_ROW
    "local k=p..'m:'..A[1]\n"
    "local f=fields(k,'fetched','used')\n"
    "if M(f[1])>N(A[4]) and M(f[1])<=N(R('TIME')[1])+N(A[9]) then return "
    "{'0','0'} end\n"
    "local used=A[6]\n"
    "if M(f[2])>N(used) then used=f[2] end\n"
    "R('HSET',k,'id',A[2],'policy',A[3],'fetched',A[4],"
    "'expires',A[5],'used',used,'refreshed',A[7],'failed','0',"
    "'failure','0','detail','','next',A[8])\n"
    "R('ZADD',p..'M',0,A[1])\n"
    "keep(k) share('M')\n"
    "return changed('p','r',A[1])\n",
    [REDIS_STS_FAIL - REDIS_LEDGER_FIRST] = PROLOGUE STS_ROW
    "local k=p..'m:'..A[1]\n"
    "local f=fields(k,'failed','fetched','refreshed')\n"
    "if f[1] then\n"
    " if N(A[2])<math.max(M(f[1]),M(f[2]),M(f[3])) then return "
    "0 end\n"
    "else\n"
    " R('HSET',k,'id','','policy','','fetched','0','expires',"
    "'0','used','0','refreshed','0')\n"
    " R('ZADD',p..'M',0,A[1])\n"
    "end\n"
    "R('HSET',k,'failed',A[2],'failure',A[3],'detail',A[4],"
    "'next',A[5])\n"
    "keep(k) share('M')\n"
    "return 0\n",
    [REDIS_STS_TOUCH - REDIS_LEDGER_FIRST] = PROLOGUE STS_ROW
    "for i=1,#A,2 do\n"
    " local k=p..'m:'..A[i]\n"
    " local u=fields(k,'used')[1]\n"
    " if u and M(u)<N(A[i+1]) then R('HSET',k,'used',A[i+1]) "
    "keep(k) end\n"
    "end\n"
    "return 0\n",
    [REDIS_STS_GET - REDIS_LEDGER_FIRST] =
	PROLOGUE STS_ROW "local out={}\n"
			 "for _,d in ipairs(A) do out[#out+1]=row(d) end\n"
			 "return out\n",
    [REDIS_STS_REMOVE - REDIS_LEDGER_FIRST] = PROLOGUE STS_CHANGE
    "R('ZREM',p..'M',A[1])\n"
    "if R('UNLINK',p..'m:'..A[1])==0 then return {'0','0'} end\n"
    "return changed('r','p',A[1])\n",
    [REDIS_STS_MARK - REDIS_LEDGER_FIRST] =
	PROLOGUE "return R('HGET',p..'c','sts') or '0'\n",
    /* the mark, how many: {number, domain, its policy; false: removed}, ... */
    [REDIS_STS_CHANGES - REDIS_LEDGER_FIRST] = PROLOGUE STS_ROW
    "local f=R('HMGET',p..'c','sts','stsf')\n"
    "local mark,last=N(A[1]),N(f[1] or '0')\n"
    "if mark>last or mark<N(f[2] or '0') then return false end\n"
    "local out={}\n"
    "if mark==last then return out end\n"
    "local l=R('ZRANGEBYSCORE',p..'L','('..A[1],'+inf',"
    "'WITHSCORES','LIMIT',0,A[2])\n"
    "for i=1,#l,2 do\n"
    " local kind,d=string.sub(l[i],1,1),string.sub(l[i],2)\n"
    " out[#out+1]={I(N(l[i+1])),d,kind~='r' and row(d)}\n"
    "end\n"
    "return out\n",
    /* domain, id, now, newer, lease, skew: {a policy}, or a fence or 0 */
    [REDIS_STS_CLAIM - REDIS_LEDGER_FIRST] = PROLOGUE STS_ROW
    "local d,now=A[1],N(A[3])\n"
    "local r=row(d)\n"
    "if r and (A[2]=='' or r[2]==A[2]) and r[3] and r[3]~='' and "
    "M(r[4])>N(A[4]) and M(r[4])<=now+N(A[6]) and M(r[5])>now then "
    "return {r} end\n"
    "if R('EXISTS',p..'l:'..d)==1 then return 0 end\n"
    "local f=R('HINCRBY',p..'c','stamp',1)\n"
    "R('SET',p..'l:'..d,f,'PX',A[5])\n"
    "share('c')\n"
    "return f\n",
    [REDIS_STS_UNCLAIM - REDIS_LEDGER_FIRST] =
	PROLOGUE "local k=p..'l:'..A[1]\n"
		 "if R('GET',k)~=A[2] then return 0 end\n"
		 "return R('UNLINK',k)\n",
    [REDIS_STS_FORGET - REDIS_LEDGER_FIRST] = PROLOGUE STS_ROW
    "local l=R('ZRANGEBYLEX',p..'M',A[3]=='' and '-' or "
    "'('..A[3],'+','LIMIT',0,A[4])\n"
    "local unused,expired=N(A[1]),N(A[2])\n"
    "for _,d in ipairs(l) do\n"
    " local k=p..'m:'..d\n"
    " local f=fields(k,'used','fetched','failed','expires')\n"
    " if not f[1] then R('ZREM',p..'M',d)\n"
    " elseif math.max(M(f[1]),M(f[2]),M(f[3]))<unused or "
    "(M(f[4])<expired and M(f[3])<expired) then\n"
    "  R('UNLINK',k) R('ZREM',p..'M',d)\n"
    " end\n"
    "end\n"
    "return l[#l]\n",
    [REDIS_SEEN - REDIS_LEDGER_FIRST] =
	PROLOGUE "return R('HGETALL',p..'x:'..A[1])\n",
    [REDIS_SEEN_REMOVE - REDIS_LEDGER_FIRST] =
	PROLOGUE "local k=p..'x:'..A[1]\n"
		 "local l=R('HKEYS',k)\n"
		 "for _,mx in ipairs(l) do R('ZREM',p..'xs',"
		 "string.format('%03d',#A[1])..A[1]..mx) end\n"
		 "R('UNLINK',k)\n"
		 "R('ZREM',p..'X',A[1])\n"
		 "return #l\n",
    [REDIS_SEEN_FORGET - REDIS_LEDGER_FIRST] =
	PROLOGUE "local function gone(l)\n"
		 " for _,m in ipairs(l) do\n"
		 "  local n=N(string.sub(m,1,3))\n"
		 "  local dom,mx=string.sub(m,4,3+n),string.sub(m,4+n)\n"
		 "  R('ZREM',p..'xs',m)\n"
		 "  R('HDEL',p..'x:'..dom,mx)\n"
		 "  if R('EXISTS',p..'x:'..dom)==0 then R('ZREM',p..'X',"
		 "dom) end\n"
		 " end\n"
		 " return #l\n"
		 "end\n"
		 "local n=gone(R('ZRANGEBYSCORE',p..'xs','-inf','('..A[1],"
		 "'LIMIT',0,A[3]))\n"
		 "if n>0 then return n end\n"
		 "local more=R('ZCARD',p..'xs')-N(A[2])\n"
		 "if more<=0 then return 0 end\n"
		 "return gone(R('ZRANGE',p..'xs',0,math.min(more,"
		 "N(A[3]))-1))\n",
    [REDIS_BADS - REDIS_LEDGER_FIRST] =
	PROLOGUE "return {R('HGET',p..'c','bad') or '0',R('LRANGE',p..'b',0,"
		 "99)}\n",
    [REDIS_INCIDENTS - REDIS_LEDGER_FIRST] =
	PROLOGUE "local out={}\n"
		 "for _,g in ipairs({'f','l'}) do\n"
		 " local r=R('ZRANGE',p..'f:'..g..':'..A[1],0,-1,"
		 "'WITHSCORES')\n"
		 " for i=1,#r,2 do out[#out+1]={r[i],r[i+1]} end\n"
		 "end\n"
		 "table.sort(out,function(x,y)\n"
		 " if x[2]~=y[2] then return N(x[2])<N(y[2]) end\n"
		 " return string.sub(x[1],1,16)<string.sub(y[1],1,16)\n"
		 "end)\n"
		 "return out\n",
    [REDIS_INCIDENTS_REMOVE - REDIS_LEDGER_FIRST] =
	PROLOGUE "local dom=A[1]\n"
		 "if R('EXISTS',p..'q:f:'..dom)==1 then return "
		 "redis.error_reply('BUSY a report is being made of it') end\n"
		 "local n=0\n"
		 "for _,g in ipairs({'f','l'}) do n=n+R('ZREMRANGEBYSCORE',"
		 "p..'f:'..g..':'..dom,'-inf','('..A[2]) end\n"
		 "if n>0 then R('HINCRBY',p..'c','incidents',-n) end\n"
		 "if R('EXISTS',p..'f:f:'..dom)+R('EXISTS',"
		 "p..'f:l:'..dom)==0 then R('ZREM',p..'F',dom) end\n"
		 "return n\n",
    [REDIS_STATS - REDIS_LEDGER_FIRST] =
	PROLOGUE "local c=R('HMGET',p..'c','incidents','bad','dropped')\n"
		 "local m=string.match(R('INFO','memory'),"
		 "'used_memory:(%d+)')\n"
		 "return {I(R('ZCARD',p..'k')),c[1] or '0',I(R('ZCARD',"
		 "p..'xs')),I(R('ZCARD',p..'M')),I(R('HLEN',p..'p')),\n"
		 " I(R('ZCARD',p..'R')),I(R('ZCARD',p..'D')),c[2] or '0',"
		 "c[3] or '0',m or '0'}\n",
};
