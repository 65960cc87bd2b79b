/*
 * What the tests use as secrets, in one place. Every token, password, key and
 * client secret that a fault test makes up holds SECRET, and nothing that is
 * printed or handed out may hold one of the forms below: the rig's hooks look at
 * all that a program can see (testutil.c), test/secrets.sh at what is printed.
 */
#ifndef SECRETS_H
#define SECRETS_H

#define SECRET "geheim"

/* One a line, as test/secrets.sh reads them: plain, and in base64 at each of its
 * three places; the same of a private key's head. */
#define SECRET_FORMS                                                                                                   \
	"geheim",                                                                                                      \
	"Z2VoZWlt",                                                                                                    \
	"dlaGVpb",                                                                                                     \
	"nZWhlaW",                                                                                                     \
	"PRIVATE KEY-----",                                                                                            \
	"UFJJVkFURSBLRVktLS0tL",                                                                                       \
	"BSSVZBVEUgS0VZLS0tL",                                                                                         \
	"QUklWQVRFIEtFWS0tLS",

#endif
