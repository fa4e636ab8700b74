/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Private keys that sign nothing but tests. */
#ifndef UNIT_DKIM_KEYS_H
#define UNIT_DKIM_KEYS_H

/* clang-format off */
#define KEY_RSA_2048 \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQC1pGHQ18tj5HCF\n" \
	"yQAOxDkzYWTAQ0eSVcoC4fgT9kQmKoTXeVEVi9U8CBGXS14e1APpBgxGXecWJFYI\n" \
	"HaKPhfiewNd6AVWP5/rJ7yAASqw6Y0ixd22U3mr2360N29IZ0g8a+GX48xllG7VC\n" \
	"PwdzyZTyxfHwrDwtrgAqDdkCnROFfblfAEH5ecZX01VDISuZQj0Lozs5ZDpp6knW\n" \
	"jYFa4nuuQJB/pgjoN3nG0FK7/slDd077acZFL6rnhhTqKqQ6EzI1yciAt//ziBxG\n" \
	"X/nm9E38CIOuNICGoVhX1F92QhO1rF54r4ObtUVkRdR3SzNsizGziw8NtTNusYjU\n" \
	"I0KNzUZRAgMBAAECggEADmeZFzwJxeP3lXB9d+5RP/UdDY84VY9GnChp6UFaIbG1\n" \
	"A7Z7+uqyMBbOuFIShnzXS4s+fXUUbqHWjcG14s5jy0ktPWBuNeGWdp2nSsahNmcp\n" \
	"vGMldk0WK/pMicERPhl1t7STt6Slsqo6G2UOtPy7Om5+s5ChHBlEq5EaENY+llMh\n" \
	"+1tOZRON9Bke6myUfihttIyll22merGQ9ySIJdI1rct6aOIM2VQ9t/VH5Zrxlcn+\n" \
	"4I2nkAfz/qiAAV1CFq2zbwf6flMAALtf6n/5u3A3B0c6DfO36G476qmTMJ+QE2G4\n" \
	"f/2aMBmGUwGmzYn17wqnsXpecDSLpSux78wU1Y1ujQKBgQDtp07Z5Tbtf9Z0o2fn\n" \
	"kVW2kkAaqL2Ell1RYgYEIJdIE1ZXofPsnQ23pE5GUIoIDLk1W449VNBxo6p4m+qp\n" \
	"ZXE3uYocnnbC3uWoU/j1sgkh1i25fpvZ3/8kqHyxcj+dqmeyBpzOeQ7+jV2pt+HJ\n" \
	"yAklCZQZl4epAbKFLlxcA92iXQKBgQDDqiIYAXKQKGIysiVdKjK/ZDn0MXmh7Adw\n" \
	"lRBC1CRjIBwlapjLHKws/NbAtI+glQD7kCSgVtAkx/PcixGxapsAyoWqBZKCMFXT\n" \
	"n0MiO6URvx3yh+AtxHB1xJ8yE2PR2WGRjaO5IKTmub+Ap4746xOK4+mKXIDqTkra\n" \
	"Jin5YqDchQKBgAF/ZWrQG/mBLbvMb9Iww0aEQ20nlRIp1Gq34GvUPL/Sh1/EAIKE\n" \
	"NtrqaSfeSBBm7B/e9NWEHFArBN7/tInevsjoHWuyv/LYbsARz2bU+WPCMsWRe6/y\n" \
	"zmvPuAFyQ95dfYvMqN5QOvz1rRptszmPTidymQFUSCGThil6slBOIe5tAoGAOWgF\n" \
	"ML3b+ueeR/l0dO0Yjoa9aiPJ5/P0CtfxOWo8csjM+T1ZLt5utZRI/aj8KsUM0MHt\n" \
	"vQ07bE8uARrcSg1ZBNZmeQfBgGjmBXzImZaeS6KjCrFK2KK1zBewDWUa+EqrEaVY\n" \
	"z8wAFaGRyhFfJTDzPuC3eFzDhfsKgw6Hah/BynECgYBLcmSlhoPDh/vrmaGdypN5\n" \
	"P5DskEPe8HS24S6xo1y5Z3EPDM+X4ZcyUzaPCOKg4QTq9OrRzmZYNO3Z/r5rH5oa\n" \
	"TKK2GAKUjFadXn9RgVp/XyQyAlXVf73QZyrutSZyXJxdJHn2v0HhZ/biAhzTjN3G\n" \
	"t4QaYhzqKZACnvLVq88ubA==\n" \
	"-----END PRIVATE KEY-----\n"
#define KEY_RSA_1024_PKCS1 \
	"-----BEGIN RSA PRIVATE KEY-----\n" \
	"MIICXQIBAAKBgQDXw5cpdtg9ASDWbs14wmFjn7gpn7ORg2EVbVCHC04w5gadTrjX\n" \
	"kmEWVkM/GPIuOYP1LfYh84ATJ0oZt0uPSV6BSul0t/afDcBsnTv1RoAfaHI4tQBa\n" \
	"RQkNT3dPaqcBVcxnQqs1g3c5nsyY076MP4aUlnRM5SpxWrk/4eeZhJAdkQIDAQAB\n" \
	"AoGAdK1gYRvTc6nYiB0DH/p9j9IfVOL3yAizx1KF6YFDl03M5eRcMLcHqXycgNKM\n" \
	"pFKV+VAReeqjp7fnamCki6exYltYQpo2PJGBEM8At+jyevsr5mhbHkvBWVaG0szM\n" \
	"HYyofelq60xAL0lztbLIh7B4Mo8z8mDKWUNNSJsIy0vCKQECQQDuxQd+Dnk+PsBQ\n" \
	"YZFK0Z4eCqMKxmMBdOAFaFfXHJCKshXRtR7tnGYC8lYz8wbdIpJq2TWjOTwZCo0O\n" \
	"UVwZGWcVAkEA51WPpl5VJAJoV1wEN3mLBBW+5QscFTxNel4vQfPFVNNHQb4dlWzU\n" \
	"sefngPL45RuFS5LCC0xwre3yrgPCh667jQJAOKrmZlKFD/LQrcMaOomZX0PjAjGn\n" \
	"WbclW+MxxcnvvBsb9pNn7bjKtTRSpS2umVkVKuq2QjDZRJAufhFtLD/NKQJBALBi\n" \
	"qr8dmil0tH43qPdrczXQJteZWvZOHn05JytQZZvB5MkZ3pC6hIqJ2hiWKnT2QPJY\n" \
	"mh/nTtsvXSSVtVOjRVkCQQDpZDkN6BPzyAyHwO+Mf7Mx9k1v6cboxf1pbEs3gtkg\n" \
	"PyuykwVwx0wlFBntQS7EeJkC5iGuIcB0ahN9pXF59sTU\n" \
	"-----END RSA PRIVATE KEY-----\n"
#define KEY_RSA_1023 \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIICdAIBADANBgkqhkiG9w0BAQEFAASCAl4wggJaAgEAAoGAasmBDU994zgfDa0b\n" \
	"ZO9oZbZ0ikkz3daxFXK9PI1+J5RDFa1nY+FxByFARoxZvr/W41jovVyAvMifYppz\n" \
	"veKOGqjJU60v1ymvwQKsfR0ZAbA876XTgFEXYPR+GHB2eZ/RAJqPpncWIUySCtYv\n" \
	"hHvkw2VxQEGgGylVvaTdanCWtbMCAwEAAQKBgBHerIjkr4VRg+jO+hGW+ppiwPfP\n" \
	"Li3GWpXjQIWci+rlpaBAB1gwhrCRwObNX8tK4RPkcfYWP7jXvcxLWmkBO5RAmYP5\n" \
	"GPKmrOkdu1YiF0o0go1qnJnQQlJsKmScpBM58npfuPbXVoMd5J38vYeuMNh0jQlx\n" \
	"lSyHIT/Op2NRj4ShAkEA94M6KkfpvD3maKOroE08tUZ2fEmTB1A9cnQ8gSNusJGa\n" \
	"hSf3yhY8/hoOMwtlUsJ6xAeb0XTsg1AobAXrf5L2IwJAbnLtfvZ/y56hU7ExWKDP\n" \
	"1uFresVq7BOv4UIG6HgLSMAsWjAu9eQIhmd2hljvwhA5hLx8ZBAOK/HEMJ7d8psT\n" \
	"MQJAQLWwSUmP1EUirgzMXBaVXpdTdt8Nb4YM6pV1FBYdZFBM4681W0JBI/XP7Ix4\n" \
	"KxDpY8LRfAtjolkcmFFb5niXnQJAJSKpLZ4Nm9XLIkuabtUq7HHAZHgKGjQIV7GO\n" \
	"hw0NpjlO8EfxEiXIpAAXftZaTqKL5FBHdpFbYnUYZMyVjWOMkQJBALxpmH50+4mD\n" \
	"If5Izd/rM7Vj+PoAHlbZ27V1mHTwDV6cF0jsZuhQ9ZiJc5ZdzShaT/q2WjL6tbkT\n" \
	"c+zmvdLgnUU=\n" \
	"-----END PRIVATE KEY-----\n"
#define KEY_ED25519 \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MC4CAQAwBQYDK2VwBCIEIH4t7BSz7gudg4zGwlIMtQrpleBVU188uG7K/PSScJ0+\n" \
	"-----END PRIVATE KEY-----\n"
#define KEY_EC \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGPmUIljSS31cnXeT\n" \
	"0kl1/hfuRFc81Hc4JvvaS+tHzWuhRANCAATyDMoyWAOKt/j3q6aLmigFnfVWzeAU\n" \
	"yjvQl9EYhpP5V9lX7zBWnlZqa7rrqNozWXGxlUtlJOX9x1GLcstcG5Ch\n" \
	"-----END PRIVATE KEY-----\n"
#define KEY_PASSPHRASE \
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
	"MIIC3TBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIhYbXIIYg7owCAggA\n" \
	"MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBCQ+GPI6DtamXcf2srugniSBIIC\n" \
	"gOVOCsPri+qd7tDVOdU4I5cKTHrFzWZfJngbXr5ClKI2i0+ZKCqU3JES5tMSv4PQ\n" \
	"vxr8sTo2G4kWNeVYlQxL38RSbFAj41pseDhkPc7jfpAp4oAS2kQvijVX5/yuCM5W\n" \
	"g8Pbu9GFOXhkQeQ8io0o0rY/cuBphrASz7CTDlzgLLCSqUy1ADFdOpytug6Altdl\n" \
	"UrUe0ylPKZDE72AGSLWYDChErgOcDECAekcc8TaDs3npnJEgcWuoXLFo1okwph5B\n" \
	"PB7qzFlqxDeZdegwUFFbgVI+4bQggiEc4cPuIDBK1EAQ0I0tHv6zLta8CQDRXLkV\n" \
	"MnnLbTxvlHcEU0MVq+XG+9a3EWWIKvUiBYuwBI7hokPifazMAVYyAAMULEKjh42h\n" \
	"maWAY+lpaE+lM3nQzy4G9zStj9FsRLzMdaEScE8BBZva7hqoL8seYHJNI3kPLWDX\n" \
	"Nax13TdDF2trzpIAY/ZlQSswvKQNc5mfqcaKTWplYQr6q7dGMBAnS9buIykR3+GG\n" \
	"bqSigXNsubIkZ3TeYfMO9+P7wntaj6+ljNHGskpISaI8dX45ZqchWJaYCceuthMB\n" \
	"wjTCGV05ZbJNSLUOrOW1SbOEqBSRJltcqYhjwHgkp0+ntjNAbXL7FSNLRRm8qPkM\n" \
	"IwoUAjWPe3Av1Nvz6uYSDRtYIgbnshCege0yJ04IakjpGRVzJz8kjP15sbSVM2Tc\n" \
	"+a/JBezRmjFnt/zImdx9F0Bfc4Ej1nAzd2ZSbubi77shwEsPjAPSkp+YfTv9j1hQ\n" \
	"9inOoGbloSNx3JhR/+qRfuxb08BAV5t0S81YywRmNRIVhtsDOPWA+BFL8n/ZDAhg\n" \
	"8ECmZMnBm9/dS5boDOLQhy4=\n" \
	"-----END ENCRYPTED PRIVATE KEY-----\n"
#define KEY_PASSPHRASE_PKCS1 \
	"-----BEGIN RSA PRIVATE KEY-----\n" \
	"Proc-Type: 4,ENCRYPTED\n" \
	"DEK-Info: AES-128-CBC,528BE991CC9826A2D6796706F50B67DB\n" \
	"\n" \
	"1+lh/EUZOfihZj56sLzcRNwZAegdbSgQB3jxAGsZjZO+L7j35SNTSEaYxjD1GYqA\n" \
	"O2N/oTe7v0N3kUcmeIZEV6Q71wHwdKK6/9DQVi3oEpgK8iW5MqSt5MkqLr+d4Vf9\n" \
	"KY+bFRmSj3IDMwZ2k5bzMXZnl9EcviN2taYbAMFG7sY80CYkhov0r6KGzP2do7bk\n" \
	"5IB6TDCH3DMRSzcDqVtPjedYlo1Oy2fhW0XcA+HeRmaE9YckGERX0EJGz2Senkyk\n" \
	"yfQlBK/E8asK7RwA4UG4+6B0ihOzg8jqbmukE8YvAEIPIqaj0f2R8OTT+yuQIVIP\n" \
	"BKQbo2VMClHFgDz3R5ESEVr6HcMdUeAqqmPY2ANCSnASbe1wWMgv46mEK3fjMnAg\n" \
	"IUsGRwsi57rvb6R3/B+js4z+Waf35zKDF0iblrnho4q+nprWTev40niPF9Dg54RW\n" \
	"tWeLyeLaO0dtopGrQ3iY0BqQ9fpEsDkjX4KVa4R2sBrPrxuR6GdejrQE8pjovkXg\n" \
	"LU4IEHk2qKR3jtQ2xFuppeDMGHn+MroeKekU1pTnZLK8YAcKMD6CzdJ9u5gtF2EW\n" \
	"p4oE3qD8CXNi3actTMdLzhyVwdUAfsA5VaN9kD2HGFQVg+Jol5bbfxBqGSutwCha\n" \
	"lfkAQ/4KW5JOX59tJ0OuqjsH85LxsJl7s0DzqXI7NaOk9iu+s8blH7DvQI80024N\n" \
	"1gvT68Hx6e61zLa2qyHAKD7EwkK1W463nCiUxj5elLkgqWVgqUsXdMzoSXfnIovQ\n" \
	"q/YJUE+OXQ+2IfQyp/CXlPzj+3YYjyb5gy2kJAu4s7EjEgNRB/QvNfLhgkXY+h6t\n" \
	"-----END RSA PRIVATE KEY-----\n"
#define KEY_PUBLIC \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MCowBQYDK2VwAyEApMTThk5w+wiqR1LDl+UlEL3Jr/+tEuMGqHrpbw+1p7k=\n" \
	"-----END PUBLIC KEY-----\n"
/* clang-format on */

#endif
