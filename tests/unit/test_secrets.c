/* The one filter of credentials: names, texts, pairs, pieces of PEM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/span/leads.h"
#include "lib/span/mask.h"
#include "lib/span/names.h"
#include "lib/span/secrets.h"
#include "lib/text/json.h"
#include "tests/unit/credential_fields.h"
#include "tests/unit/unit.h"

/* Of names whose values are credentials. */
static const char names[] =
    "api_key\0apiKey\0API-KEY\0apikey\0APIKey\0openAIApiKey\0OPENAI_API_KEY\0"
    "api_keys\0apiKey2\0api_key_v2\0x-api-key\0encoded_api_key\0access_key\0"
    "secretAccessKey\0private_key\0private_key_pem\0PrivateKeyBase64\0"
    "accountKey\0shared_access_key\0signing_key\0encryption_key\0"
    "virtual_key\0x-functions-key\0subscription-key\0authorization\0"
    "Proxy-Authorization\0authorization_token\0api_token\0hf_token\0"
    "azure_ad_token\0aws_session_token\0user_access_token\0bot_token\0"
    "zendesk_token\0refreshToken\0id_tokens\0csrf-token\0jwt\0bearer\0pwd\0"
    "password\0password2\0db_passwd\0smtp_pass\0passphrase\0"
    "password_confirmation\0newPassword\0secret\0secrets\0client_secret\0"
    "clientsecret\0webhook_secret\0client_secret_value\0cookie\0"
    "session_cookie\0Set-Cookie\0credentials\0vertex_credentials\0auth\0"
    "service_auth\0authentication\0auth_config\0connection_string\0"
    "github_pat\0webhook_auth_header_value\0pw\0db_pw\0_xsrf\0csrf\0"
    "seed_phrase\0recoveryPhrase\0code_verifier\0codeVerifier\0hftoken\0"
    "mytoken\0X-Token\0basicauth\0dbpwd\0bindpw\0userpass\0passkey\0"
    "openaikey\0passwordhash\0secretvalue\0sessioncookie\0password_admin\0"
    "secret_openai\0private_key_pems\0authorization_header\0ldap_pass\0"
    "apim_key\0sas_key\0";

/* Of names whose values are credentials if they look like one. */
static const char doubtful[] =
    "key\0token\0oauth\0oauth2\0key_openai\0csrfmiddlewaretoken\0"
    "candidate_token\0target_token\0most_likely_token\0";

/* Of names whose values are none, though a part of them looks so. */
static const char others[] =
    "max_tokens\0token_count\0prompt_tokens\0total_tokens\0tokens\0"
    "tokenizer\0stop_token\0pad_token\0pad_token_id\0eos_token\0"
    "next_page_token\0pageToken\0keywords\0key_points\0keyboard\0keys\0"
    "monkey\0prompt_cache_key\0idempotency_key\0primary_key\0public_key\0"
    "cacheKey\0api_key_id\0private_key_id\0author\0authority\0authorized\0"
    "authorization_url\0secretary\0password_policy\0passwordless\0"
    "password_length\0passport\0compass\0bypass\0cookie_policy\0no_auth\0"
    "requires_auth\0signature_algorithm\0license\0role\0content\0text\0id\0"
    "tool_call_id\0finish_reason\0value\0description\0is_secret\0"
    "has_password\0hasApiKey\0requires-auth\0s3_key\0song_key\0file_key\0"
    "client_id\0phrase\0identifier\0mnemonic\0hotkey\0compass\0endtoken\0"
    "OLDPWD\0";

TEST(names_are_judged_by_words)
{
    LLMOBS_WORDS_EACH (name, names) {
        size_t len = strlen(name);

        ck_assert_msg(llmobs_names_judge(name, len) >= LLMOBS_NAMED_SECRET,
                      "%s", name);
        ck_assert_msg(llmobs_names_may_be(name + len, len), "%s", name);
    }
    LLMOBS_WORDS_EACH (name, doubtful) {
        size_t len = strlen(name);

        ck_assert_msg(llmobs_names_judge(name, len) == LLMOBS_NAMED_WEAK, "%s",
                      name);
        ck_assert_msg(llmobs_names_may_be(name + len, len), "%s", name);
    }
    LLMOBS_WORDS_EACH (name, others)
        ck_assert_msg(llmobs_names_judge(name, strlen(name)) <
                          LLMOBS_NAMED_WEAK,
                      "%s", name);
}

/* With a capital a usual name is judged by its words. */
TEST(usual_names_are_no_secrets)
{
    static const char usual[] =
        "url\0kind\0text\0data\0value\0frames\0ml_app\0source\0metrics\0"
        "choices\0metadata\0provider\0duration\0properties\0max_tokens\0"
        "input_tokens\0total_tokens\0audio_tokens\0first_byte_ms\0"
        "output_tokens\0finish_reason\0prompt_tokens\0cached_tokens\0"
        "finish_reasons\0model_provider\0reasoning_tokens\0"
        "sampling_decision\0completion_tokens\0input_tokens_details\0"
        "prompt_tokens_details\0output_tokens_details\0"
        "completion_tokens_details\0accepted_prediction_tokens\0"
        "rejected_prediction_tokens\0";

    LLMOBS_WORDS_EACH (one, usual) {
        size_t len = strlen(one);
        char name[40];

        strcpy(name, one);
        for (int capital = 0; capital < 2; capital++, *name -= 'a' - 'A')
            ck_assert_msg(llmobs_names_judge(name, len) == LLMOBS_NAMED_NOT,
                          "%s", name);
    }
}

#define S "Zq9xWv7uT5sR3pN1kM8j"

/* Texts that hold S, which must go. */
static const char *const texts[] = {
    "client_secret=" S "&grant_type=x",
    "grant_type=x&client%5Fsecret=" S,
    "a=b&user%5Bapi_key%5D=" S,
    "Authorization: Bearer " S "\r\nHost: a",
    "authorization: Token " S,
    "Authorization: " S,
    "Cookie: sid=" S "; b=c",
    "Set-Cookie: sid=" S "; Path=/",
    "{\"a\":\"Cookie: sid\\u003d" S "; b",
    "X-Api-Key: " S,
    "x-api-key:" S,
    "api_key: " S "\n",
    "api_key: '" S "'",
    "api_key: \"" S "\"",
    "  - token: " S,
    "[db]\npassword = " S "\nuser = a",
    "export OPENAI_API_KEY=" S,
    "curl --api-key " S " -d x",
    "curl --api-key=" S,
    "{'api_key': '" S "'}",
    "'password' => '" S "'",
    "my password: " S " ok",
    "**Password:** " S,
    "`api_key`: `" S "`",
    "use sk-" S " now",
    "key%3Dsk-" S,
    "sk\\u002d" S,
    "\\nsk-proj-" S,
    "Server=h;Password=" S ";User=a",
    "AccountName=a;AccountKey=" S "==;EndpointSuffix=b",
    "SharedAccessKeyName=a;SharedAccessKey=" S,
    "postgres://me:" S "@h/db",
    "https://h/cb?code=" S "&state=a",
    "/callback?code=" S "&state=a",
    "https://h/?jwt=" S,
    "https://h/?X-Amz-Signature=" S,
    "{\"Auth\":\"Bearer " S "\"}",
    "{\"db_passwd\":\"" S "\"}",
    "{\"headers\":{\"X-Anything\":\"" S "\"}}",
    "{\"headers\":[\"X-Anything: " S "\"]}",
    "{\"headers\":[{\"name\":\"X-Any\",\"value\":\"" S "\"}]}",
    "{\"authentication\":{\"type\":\"api_key\",\"key\":\"" S "\"}}",
    "{\"authentication\":{\"a\":{\"b\":[\"" S "\"]}}}",
    "{\"credentials\":{\"x\":\"" S "\"}}",
    "{\"extra_header\":{\"X-Any\":\"" S "\"}}",
    "{\"headers\":{\"X-Any\":\"Digest a=b, c=" S "\",\"X\":\"Key Wv7u\"}}",
    "{\"headers\":{\"X-Any\":\"Wv7u\",\"authorization\":\"a Wv7u b\"}}",
    "{\"headers\":[{\"name\":\"X-Any\",\"value\":\"Wv7u\"}]}",
    "{\"headers\":\"X-Any: Wv7u\"}",
    "{\"headers\":[[\"X-Any\",\"" S "\"]]}",
    "[{\"name\":\"X-Api-Key\",\"value\":\"" S "\"}]",
    "[{\"value\":\"" S "\",\"name\":\"X-Api-Key\"}]",
    "[{\"key\":\"api_key\",\"type\":\"text\",\"value\":\"" S "\"}]",
    "[{\"header\":\"Authorization\",\"value\":\"" S "\"}]",
    "[{\"value\" : \"" S "\", \"n\":1 , \"key\":\"password\"}]",
    "{\"variable\":\"OPENAI_API_KEY\",\"value\":\"Wv7u\"}",
    "{\"id\":\"X-Api-Key\",\"value\":\"Wv7u\"}",
    "{\"value\":\"Wv7u\",\"parameter\":\"password\"}",
    "{\"name\":\"api_key\",\"a\":{\"b\":[\"}\"]},\"c\":[],\"value\":\"Wv7u\"}",
    "{\"value\":\"Wv7u\",\"a\":{\"b\":[]},\"c\":[],\"name\":\"api_key\"}",
    "{\"name\":\"api_key\",\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"value\":"
    "\"Wv7u\"}",
    "[[\"X-Api-Key\", \"" S "\"],[\"Accept\",\"*/*\"]]",
    "{\"tools\":[{\"type\":\"mcp\",\"a\":[],\"url\":\"https://h/s/" S "\"}]}",
    "{\"tools\":[{\"url\":\"https://h/s/Wv7u2m9\",\"type\": \"mcp\"}]}",
    "{\"s\":\"[{\\\"name\\\":\\\"token\\\",\\\"value\\\":\\\"" S "\\\"}]\"}",
    "{\"data_sources\":[{\"parameters\":{\"key\":\"" S "\"}}]}",
    "{\"pushNotificationConfig\":{\"url\":\"a\",\"token\":\"" S "\"}}",
    "{\"key\":\"" S "\"}",
    "{\"server_url\":\"https://mcp.h/s/" S "/mcp\"}",
    "{\"server_url\":\"https:\\/\\/mcp.h\\/s\\/" S "\"}",
    "{\"mcp_servers\":[{\"type\":\"url\",\"url\":\"https://h/" S "/sse\"}]}",
    "https://hooks.slack.com/services/T0000/B0000/" S,
    "-----BEGIN PRIVATE KEY-----\n" S "\n-----END PRIVATE KEY-----",
    "{\"a\":\"-----BEGIN RSA PRIVATE KEY-----\\n" S "\\nabc\"}",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n" S,
    "YWJjZGVm\\n" S "\\n-----END EC PRIVATE KEY-----",
    "AKIAIOSFODNN7EXAMPLE:" S S,
    "{\"api_key\":\"" S,
    "{\"headers\":{\"a\":\"" S,
    "password=" S,
    "[\"mcp\",\"--api-key\", \"" S "\"]",
    "['--token', '" S "']",
    "apiKey := \"" S "\"",
    "api_key: str = \"" S "\"",
    "let api_key: &str = \"" S "\"",
    "Incorrect API key provided: " S ". You can find",
    "The API key is: " S,
    "{\"a\":\"{\\u0022api_key\\u0022: \\u0022" S "\\u0022}\"}",
    "{\"a\":\"{\\u0022Cookie\\u0022:\\u0022a=" S "\\u0022}\"}",
    "{\"ParameterKey\":\"DbPassword\",\"ParameterValue\":\"" S "\"}",
    "{\"header_name\":\"X-Api-Key\",\"header_value\":\"" S "\"}",
    "{\"authorization_code\":\"" S "\"}",
    "{\"oauth\":\"" S "\",\"access_token\":\"Wv7u\",\"csrfmiddlewaretoken\":"
    "\"" S "\"}",
    "{\"SharedAccessSignature\":\"" S "\"}",
    "{\"wpa_psk\":\"" S "\"}",
    "{\"secret_id\":\"" S "\"}",
    "{\"kubeconfig\":\"users: token " S "\"}",
    "pw=" S "&a=b",
    "user_pw: " S,
    "x-functions-key: " S,
    "a=sk%2Dproj%2D" S,
    "a=sk%5Flive%5F" S "&b=c",
    "k=-----BEGIN%20PRIVATE%20KEY-----%0A" S "%0A-----END%20PRIVATE%20KEY-----",
    "k=-----BEGIN+PRIVATE+KEY-----%0A" S "%0A-----END+PRIVATE+KEY-----",
    "[\"-----BEGIN PRIVATE KEY-----\",\"" S "\",\"" S "\",\"-----END\"]",
    "[\"" S "\",\"" S "\",\"uT5s\",\"-----END PRIVATE KEY-----\"]",
    "s = \"-----BEGIN PRIVATE KEY-----\\n\" +\n  \"" S "\\n\" +\n \"" S "\"",
    "s = '-----BEGIN PRIVATE KEY-----' \\\n '" S "' \\\n '" S "'",
    "PRIVATE_KEY=\"-----BEGIN PRIVATE KEY-----\\n" S "\\n" S "\\n\"",
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,00\n\n" S "\n" S "\nWv7u=\n-----END",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n" S "\n=Wv7u",
    "> -----BEGIN PRIVATE KEY-----\n> " S "\n> " S,
    "1\t-----BEGIN PRIVATE KEY-----\n 2\t" S "\n 3\xe2\x86\x92" S,
    "Private-Lines: 2\r\n" S "\r\n" S "\r\nPrivate-MAC: 00",
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"a b\"\n" S "\n" S,
    /* Of a key that came in pieces the first was masked. */
    "{\"content\":\"sk-******" S "\"}",
    "use 1//0" S S " now",
    "{\"a\":\"\\n1\\/\\/0" S S "\"}",
};

/* Texts that stay as they are. */
static const char *const plain[] = {
    /* An object of JSON in base64, as Bedrock sends each piece. */
    "{\"bytes\":\"eyJvdXRwdXRUZXh0IjoiSGVsbG8gZnJvbSBhIG1vZGVsIn0=\"}",
    "Enter your password: then click the button",
    "Authorization: the process of giving someone permission",
    "The next token: a word. Each token: a piece",
    "key: value, keys: many, monkey: see",
    "cookie: a small cake",
    "a bearer of bad news, Basic understanding",
    "task-force disk-usage risk-free sk-learn sk-toggleable__label-arrow",
    "sk-learn-contributors sk-project-of-mine-and-others gho_st pa-per-work",
    "hf_hub_download npm_config_registry fw_version r8_unorm_texture",
    "if (token == other || password != again) std::token::value",
    "max_tokens=5&temperature=0.5&stop_token=a",
    "{\"password\":{\"type\":\"string\",\"description\":\"a word\"}}",
    "{\"headers\":{\"type\":\"object\",\"properties\":{}}}",
    "{\"password\":{\"x-order\":1,\"x-ui\":{\"a\":\"b\"},\"type\":\"string\"}}",
    "{\"secret\":{\"schema\":{\"type\":\"string\",\"default\":\"a\"}}}",
    "{\"required\":[\"api_key\",\"query\"],\"a\":[\"token\",\"" S "\",\"b\"]}",
    "{\"type\":\"mcp\",\"url\":\"https://h/v2beta1/server/mcp\"}",
    "{\"id\":\"a\",\"value\":\"b\",\"c\":{\"name\":\"api_key\"},\"a\":\"d\"}",
    "{\"headers\":[\"Name\",\"Age\",\"Home town: city\"]}",
    "{\"header\":\"Monthly report: May\"}",
    ("{\"header\":{\"left\":\"Annual Report "
     "2024\"},\"a\":{\"header\":{\"text\":"
     "\"Welcome\"}}}"),
    "{\"header\":\"Note: this is mine\",\"headers\":\"Note: this is mine\"}",
    "{\"table\":{\"headers\":[{\"text\":\"Name\",\"align\":\"left\"}]}}",
    "{\"headers\":{\"c1\":\"Price in EUR\",\"c2\":\"Key figures of 2024\"}}",
    "{\"table_headers\":{\"a\":\"b\"},\"columnHeaders\":[\"Age:x\"]}",
    "{\"password\":{\"uniqueItems\":true,\"description\":\"a word\"}}",
    "[\"--token-limit\",\"4096\"] [\"--key\",\"left\"] --pass, \"ok\"",
    "def f(token: str = None, key: int = 5): the answer is: Paris",
    "a=sk%2Dlearn%2Dabout%2Dtrees",
    "{\"x\":[\"password:\",\"y\"],\"z\":\"set password:\" , "
    "\"c\":\"b\"}",
    "[\"curl --api-key \",\"a\",\"set secret=\"]",
    "{\"token\":\" hello\",\"logprob\":-0.5,\"key\":\"Enter\"}",
    "[{\"name\":\"api_key\",\"type\":\"string\",\"description\":\"the key\"}]",
    "[{\"name\":\"colour\",\"value\":\"a long text about it\"}]",
    "{\"image_url\":{\"url\":\"https://h/a1b2c3d4e5f6a7b8c9d0e1f2/x.png\"}}",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "| a |\n|-----|\n-----\n",
    "{\"a\":\"Never print -----BEGIN PRIVATE KEY----- blocks. You are mine.\"}",
    "-----BEGIN PRIVATE KEY-----\\n...\\n-----END PRIVATE KEY----- is a form",
    "Then the text before -----END PRIVATE KEY----- stays, with what follows",
    "-----BEGIN PRIVATE KEY-----\",\"b\":\"MIIE\",\"Note: what\":\"follows\"}",
    "?has_password=1&is_secret=yes&song_key=F#m7b5&s3_key=a/b1c2d3e4f5a6b7c8d9",
    "{\"is_secret\":\"of course\",\"has_password\":\"not yet\"}",
    "{\"function_key\":\"F12 and shift\",\"song_key\":\"C# minor\"}",
    "{\"candidate_token\":\" the\",\"transcript_token\":\"well, this is it\"}",
    "{\"s3_key\":\"2024/a1b2c3d4e5f6a7b8c9d0.png\"}",
    "{\"secret_id\":\"prod/database\",\"kubeconfig\":\"~/.kube/config\"}",
    "is_secret: Yes4\nhas_password: Always1\n",
    "rs_68c4a1b2c3d4e5f6a7b8c9d0e1f2a3b4 call_abcdefGHIJKL012345678901",
    "{\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0\",\"object\":\"x\"}",
    "print(7//2, 1//0, 21//0" S S ") a1//0" S S " 1//0abcdefghijklmnopq 1//2" S,
    "the dapi of dapi_server, dapi0123456789, ABSK and ABSKabc, ATATT3, TAT",
};

static void mask(const char *text, char *out)
{
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1); /* asan sees who reads on */

    memcpy(exact, text, len);
    llmobs_secrets_mask(exact, len);
    memcpy(out, exact, len);
    out[len] = '\0';
    free(exact);
}

static bool is_json(const char *text)
{
    struct llmobs_json *json = NULL;
    bool is =
        llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &json) == 0;

    llmobs_json_free(json);
    return is;
}

TEST(no_form_keeps_a_secret)
{
    char out[512], again[512];

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        mask(texts[i], out);
        ck_assert_msg(!strstr(out, "Wv7u") && !strstr(out, "R3pN"), "%s: %s",
                      texts[i], out);
        ck_assert_int_eq(is_json(texts[i]), is_json(out));
        mask(out, again);
        ck_assert_str_eq(out, again);
    }
}

/* The same as the content of a message, at two depths of texts. */
TEST(no_depth_keeps_a_secret)
{
    char out[2048];

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct llmobs_json *json = llmobs_json_string(texts[i]);

        for (int depth = 0; depth < 2; depth++) {
            struct llmobs_json *list = llmobs_json_object();
            char *text;

            ck_assert_int_eq(llmobs_json_set(list, "content", json), 0);
            text = llmobs_json_dumps(list, 0);
            llmobs_json_free(list);
            mask(text, out);
            ck_assert_msg(!strstr(out, "Wv7u") && !strstr(out, "R3pN"), "%s",
                          out);
            ck_assert_msg(is_json(out), "%s", out);
            json = llmobs_json_string(text);
            free(text);
        }
        llmobs_json_free(json);
    }
}

/* A quote that does not end, of a kind that JSON does not have, before the end
 * of a text. */
TEST(json_stays_json)
{
    static const char *const open[] = {
        "{\"a\":\"(https://h?key=`" S ")\",\"b\":\"c\"}",
        "{\"a\":\"password='" S "\",\"b\":\"c\"}",
        "{\"a\":\"api_key: `" S "\",\"b\":[1]}",
        "{\"a\":\"['--token', '" S "\",\"b\":\"c\"}",
        "{\"a\":\"curl --api-key '" S "\",\"b\":\"c\"}"};
    char out[512];

    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
        mask(open[i], out);
        ck_assert_msg(is_json(out) && !strstr(out, "Wv7u"), "%s", out);
        ck_assert_msg(strstr(out, "\"b\":") != NULL, "%s", out);
    }
}

TEST(sentences_stay)
{
    char out[512];

    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        mask(plain[i], out);
        ck_assert_str_eq(out, plain[i]);
    }
}

/* Whether the other tables of leads.c have a row of its first one. */
static bool tables_have(size_t i)
{
    const struct llmobs_lead *lead = &llmobs_leads[i];
    const char *mark = lead->text + lead->mark;
    const struct llmobs_leads_mark *rows = &llmobs_leads_marks[*mark & 15];

    return lead->mark > 0 &&
           llmobs_leads_may_be(*mark, lead->mark > 1 ? mark - 2 : "  ") &&
           i >= rows->from && i < rows->to &&
           (*mark == 'I' || (i >= rows->longer) == (lead->mark > 2));
}

/* Adds the row of a mark, whose first lead is `from`; gives the next mark's. */
static size_t add_mark(struct llmobs_buf *out, size_t from)
{
    uint64_t bits[LLMOBS_LEADS_HASHES / 64] = {0};
    char mark = llmobs_leads[from].text[llmobs_leads[from].mark];
    size_t to = from, longer = from;

    for (; to < LLMOBS_LEADS; to++) {
        const struct llmobs_lead *lead = &llmobs_leads[to];
        unsigned hash;

        if (lead->text[lead->mark] != mark)
            break;
        longer += lead->mark <= 2;
        if (lead->mark < 2 || (mark >= 'A' && mark != '_'))
            continue;
        hash = llmobs_leads_hash(lead->text + lead->mark - 2);
        bits[hash / 64] |= UINT64_C(1) << hash % 64;
    }
    llmobs_buf_addf(out, "    ['%c' & 15] = {%zu, %zu, %zu, {", mark, from,
                    longer, to);
    for (size_t i = 0; i < LLMOBS_LEADS_HASHES / 64; i++)
        llmobs_buf_addf(out, "0x%llx%s", (unsigned long long)bits[i],
                        i + 1 < LLMOBS_LEADS_HASHES / 64 ? ", " : "}},\n");
    return to > from ? to : LLMOBS_LEADS;
}

/* Words that stand for a secret, and counts; of each a canary: a secret of that
 * length and alphabet in the same place. */
TEST(stand_ins_stay)
{
    static const char *const rows[] = {
        "client = OpenAI(api_key=API_KEY)",
        "{\"content\": \"OpenAI(api_key=\\\"YOUR_API_KEY\\\")\"}",
        "OpenAI(api_key=api_key)",
        "call `Client(api_key=API_KEY` or `api_key=MY_TOKEN`.",
        "curl -H 'Authorization: Bearer YOUR_API_KEY'",
        "{\"content\": \"send Bearer YOUR_API_KEY, or bearer: MY_TOKEN.\"}",
        "export OPENAI_API_KEY=$OPENAI_API_KEY",
        "api_key=$api_token&a=b",
        "token=15",
        "total_token=12345",
    };
    static const char *const secret[] = {
        "client = OpenAI(api_key=XQZ_JWF)",
        "client = OpenAI(api_key=qwe_rty)",
        "client = OpenAI(api_key=xqzjwmf)",
        "{\"content\": \"OpenAI(api_key=\\\"XQZR_JWF_KPM\\\")\"}",
        "OpenAI(api_key=api_kex)",
        "call `Client(api_key=XQZ_JWF`",
        "call `api_key=MY_TOKEX`.",
        "curl -H 'Authorization: Bearer YOUR_API_KEX'",
        "curl -H 'Authorization: Bearer XQZRJWFKPKEY'",
        "{\"content\": \"send Bearer XQZR_JWF_KPM\"}",
        "send bearer: MY_TOKEX.",
        "export OPENAI_API_KEY=$OPENAI_API_KEX",
        "api_key=$api_tokex&a=b",
        "api_key=my_token",
        "api_key=MONKEY",
        "token=a5",
        "token=123456",
        "password=12345",
        "pin_code=1 secret=12345",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *text = strdup(rows[i]);

        llmobs_secrets_mask(text, strlen(text));
        ck_assert_str_eq(text, rows[i]);
        free(text);
    }
    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++) {
        char *text = strdup(secret[i]);

        llmobs_secrets_mask(text, strlen(text));
        ck_assert_msg(strchr(text, '*'), "%s", text);
        free(text);
    }
}

TEST(the_tables_of_beginnings_fit)
{
    UNIT_ENDS(llmobs_buf) out;
    bool fit = true;

    llmobs_buf_init(&out, SIZE_MAX);
    llmobs_buf_adds(&out, "lib/span/leads.c has to have: llmobs_leads_marks\n");
    for (size_t i = 0; i < LLMOBS_LEADS; i++) {
        const struct llmobs_lead *lead = &llmobs_leads[i];

        ck_assert_msg(lead->mark > 0, "row %zu of llmobs_leads is empty", i);
        fit = fit && tables_have(i);
    }
    for (size_t i = 0; i < LLMOBS_LEADS;)
        i = add_mark(&out, i);
    ck_assert_msg(fit, "%s", out.data);
}

/* A stream repeats its lines up to a few bytes. The mask of one line
 * stands for the next only as far as both are the same, and not once a value
 * was masked. */
TEST(lines_that_come_again)
{
#define LINE                                                         \
    "data: {\"id\":\"chat-1\",\"object\":\"chat.completion.chunk\"," \
    "\"model\":\"gpt-4o-mini\",\"user_tier\":\"x\",\"text\":\"s"
#define EVENT LINE "\"}\n\n"
    static const char *const last[] = {
        LINE "\",\"api_key\":\"" S "\"}",
        LINE "k-" S "\"}",
        LINE "\\nk-1\",\"key\":\"" S "\"}",
        LINE " password=" S "\"}",
        "data: {\"id\":\"api-key\",\"object\":\"chat\",\"value\":\"" S "\"}",
        "{\"api_key\":\"" S "\",\"id\":\"chat-1\"}",
        "{\"user_tier\":\"a\",\"api_user_token\":\"" S "\"}",
        "{\"id\":\"chat-1\", \"name\":\"api_key\",\"value\":\"" S "\"}",
        "{\\\"id\\\":\\\"chat-1\\\",\\\"api_key\\\":\\\"" S "\\\"}",
        "{\"password\":\"user_tier\",\"*****tier\":\"a\",\"key\":\"" S "\"}"};
    char text[1800], out[1800];

    for (size_t i = 0; i < sizeof(last) / sizeof(*last); i++) {
        snprintf(text, sizeof(text), "%s%s\n\n%s",
                 EVENT EVENT EVENT EVENT EVENT, last[i], EVENT EVENT);
        mask(text, out);
        ck_assert_msg(!strstr(out, "Wv7u"), "%s", out);
        ck_assert_mem_eq(out, text, 5 * strlen(EVENT));
        ck_assert_str_eq(out + strlen(out) - strlen(EVENT), EVENT);
    }
    mask("\"\"  :{}", out);
    ck_assert_str_eq(out, "\"\"  :{}");
}

/* A line that differs from the one before in words or numbers is passed over
 * whole. Here such a difference makes a secret of what was none: the line is
 * masked as if it came alone. */
TEST(words_that_make_a_secret)
{
#define LONG "data: {\"id\":\"chat-1\",\"object\":\"chat.completion.chunk\","
    static const char *const lines[][2] = {
        {LONG "\"name\":\"x\",\"value\":\"hunter\"}",
         LONG "\"name\":\"password\",\"value\":\"hunter\"}"},
        {LONG "\"value\":\"hunter\",\"name\":\"x\",\"a\":1}",
         LONG "\"value\":\"hunter\",\"name\":\"password\",\"a\":1}"},
        {LONG "\"type\":\"x\",\"url\":\"https://h/" S "\"}",
         LONG "\"type\":\"mcp\",\"url\":\"https://h/" S "\"}"},
        {LONG "\"password\":{\"type\":\"string\",\"x\":\"hunter\"}}",
         LONG "\"password\":{\"type\":\"words\",\"x\":\"hunter\"}}"},
        {LONG "\"key\":\"x\",\"a\":1}", LONG "\"key\":\"" S "\",\"a\":1}"},
        {LONG "\"password\":1,\"a\":1}",
         LONG "\"password\":\"" S "\",\"a\":1}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"Bearer " S "\",\"a\":1}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"AKIA0123456789ACDEF\",\"a\":1}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"hvs." S "\",\"a\":1}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"key: " S "\",\"a\":1}"},
        {LONG "\"name\":\"x.y\",\"value\":\"hunter\"}",
         LONG "\"name\":\"password\",\"value\":\"hunter\"}"},
        {LONG "\"foo\":,\"key\":\"x-y\"}",
         LONG "\"foo\":,x \"key\":\"" S "\"}"},
        {LONG "\"foo\":\"hunter\",\"a\":1}",
         LONG "\"password\":\"hunter\",\"a\":1}"},
        {LONG "\"foo\":[\"x\",\"" S "\"]}",
         LONG "\"foo\":[\"key\",\"" S "\"]}"},
        {LONG "\"foo\":\"x\":\"hunter\",\"a\":1}",
         LONG "\"foo\":\"password\":\"hunter\",\"a\":1}"},
        {LONG "\"text\":\"x-" S "\"}", LONG "\"text\":\"sk-" S "\"}"},
        {LONG "\"text\":\"x=" S "\"}", LONG "\"text\":\"key=" S "\"}"},
        {LONG "\"text\":\"x\\\"" S "\"}", LONG "\"text\":\"xoxb-" S "\"}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"1//0" S S "\",\"a\":1}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"a b ATATT3" S S S "\",\"a\":1}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"ABSK" S S S "\",\"a\":1}"},
        {LONG "\"text\":\"x\",\"a\":1}",
         LONG "\"text\":\"it is dapi" S "0123456789ab now\",\"a\":1}"},
    };
    char text[1800], out[1800], alone[1800];

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const char *const *line = lines[i];
        size_t len = strlen(line[1]);

        for (size_t n = 1; n < 4; n++) {
            *text = '\0';
            for (size_t k = 0; k < n; k++) {
                char *from = text + strlen(text), *word;

                snprintf(from, sizeof(text) - (size_t)(from - text), "%s\n\n",
                         line[0]);
                word = strstr(from, "\"x");
                if (word) /* the last of three have a gap there */
                    word[1] = "xyz"[k];
            }
            snprintf(text + strlen(text), sizeof(text) - strlen(text),
                     "%s\n\n%s\n\n", line[1], line[0]);
            mask(text, out);
            ck_assert_mem_eq(out, text, n * (strlen(line[0]) + 2));
            snprintf(text, sizeof(text), "%s\n\n%s\n\n", line[1], line[0]);
            mask(text, alone);
            ck_assert_mem_ne(alone, text, len);
            ck_assert_str_eq(out + n * (strlen(line[0]) + 2), alone);
        }
    }
}

TEST(each_beginning_is_known)
{
    static const char *const sure[] = {"xoxb-",    "gho_",    "github_pat_",
                                       "sk-proj-", "sk-ant-", "rk_live_"};
    char text[160], out[160];

    for (size_t i = 0; i < LLMOBS_LEADS; i++) {
        bool parts = strcmp(llmobs_leads[i].text, "eyJ") == 0;

        snprintf(text, sizeof(text), "x %s" S "%s" S S S " y",
                 llmobs_leads[i].text, parts ? "." : "");
        mask(text, out);
        ck_assert_msg(!strstr(out, "Wv7u"), "%s", out);
        ck_assert_mem_eq(out, text, 2 + strlen(llmobs_leads[i].text));
    }
    for (size_t i = 0; i < sizeof(sure) / sizeof(*sure); i++) {
        snprintf(text, sizeof(text), "x %sabcdef-ghijkl-mnopqr y", sure[i]);
        mask(text, out);
        ck_assert_msg(!strstr(out, "ghijkl"), "%s", out);
    }
}

/* Masks a text in both ways; true: something was masked in one. */
static bool is_masked(const char *text)
{
    char rest[512], *whole = strdup(text);
    bool is;

    mask(text, rest);
    llmobs_secrets_mask_whole(whole, strlen(whole));
    is = strcmp(rest, text) != 0 || strcmp(whole, text) != 0;
    free(whole);
    return is;
}

/* A plain word is not searched: nothing would be found in it. Takes each
 * beginning of a key, each part of it, and what else may
 * mark a secret, with letters of any kind around. */
TEST(plain_words_have_no_secret)
{
    static const char *const pieces[] = {"-",
                                         "_",
                                         ".",
                                         "I",
                                         "J",
                                         "A",
                                         "0",
                                         "y",
                                         "--",
                                         "-----",
                                         "BEGIN",
                                         "END",
                                         "PRIVATE-KEY",
                                         "Lines",
                                         "api_key",
                                         "api-key",
                                         "--key",
                                         "password",
                                         "token",
                                         "Bearer",
                                         "basic",
                                         "Private-Lines",
                                         "u002d",
                                         "x2D",
                                         S,
                                         "",
                                         "gpt-5",
                                         "eyJ"};
    size_t spared = 0, masked = 0;

    srand(3);
    for (size_t i = 0; i < 400 * (size_t)LLMOBS_LEADS; i++) {
        const char *lead = llmobs_leads[i % LLMOBS_LEADS].text;
        size_t from = i % 4 ? 0 : (size_t)rand() % strlen(lead);
        size_t len = strlen(lead) - (i % 5 ? 0 : (size_t)rand() % strlen(lead));
        char text[512] = "";

        for (int n = rand() % 3; n > 0; n--)
            strcat(text,
                   pieces[(size_t)rand() % (sizeof(pieces) / sizeof(*pieces))]);
        if (from < len)
            strncat(text, lead + from, len - from);
        if (i % 7)
            strcat(text, i % 3 ? S S : S "." S "-abcdefghijklmnopqrstuvwxyz");
        for (int n = rand() % 3; n > 0; n--)
            strcat(text,
                   pieces[(size_t)rand() % (sizeof(pieces) / sizeof(*pieces))]);
        if (i % 11 == 0)
            text[(size_t)rand() % (strlen(text) + 1)] = '\0';
        ck_assert_msg(!llmobs_mask_is_plain(text) || !is_masked(text), "%s",
                      text);
        spared += llmobs_mask_is_plain(text);
        masked += is_masked(text);
    }
    ck_assert_uint_gt(spared, 1000);
    ck_assert_uint_gt(masked, 1000);
    ck_assert(llmobs_mask_is_plain("claude-sonnet-4-5-20250929"));
}

/* Seconds for a text of `size` bytes of this piece. */
static double seconds_of(const char *piece, size_t size)
{
    char *text = malloc(size);
    struct timespec from, to;

    for (size_t i = 0, len = strlen(piece); i < size; i++)
        text[i] = piece[i % len];
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    llmobs_secrets_mask(text, size);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    free(text);
    return (double)(to.tv_sec - from.tv_sec) +
           (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* Eight times the text takes some eight times as long, and not 64 times. */
TEST(hostile_texts_take_linear_time)
{
    static const char *const pieces[] = {"Authorization: ",
                                         "cookie: ",
                                         "sk-",
                                         "sk_",
                                         "SG.",
                                         "token=",
                                         "password: x ",
                                         "{\"name\":\"api_key\",",
                                         "\"mcp_servers\":[",
                                         "\"webhook\":{",
                                         "-----BEGIN PRIVATE KEY-----\\",
                                         "-----BEGIN PRIVATE KEY-----A: b\n",
                                         "-----BEGIN PRIVATE KEY-----,1,",
                                         ("abcdefghijklmnop,-----END PRIVATE "
                                          "KEY-----"),
                                         "Private-Lines: ",
                                         "\\",
                                         "\\u003d",
                                         "bearer ",
                                         "Bearer ",
                                         "-----END PRIVATE KEY-----",
                                         "--api-key ",
                                         "\"--key\",\"",
                                         "'--key', '\"",
                                         "token: str = ",
                                         "%2D",
                                         "token is: ",
                                         "\"value\":\"x\",\"name\":\"key\",",
                                         "{\"name\":\"key\",\"x\":[[",
                                         "[],\"name\":\"key\",",
                                         "\"type\":\"mcp\",\"x\":[{",
                                         "[\"key\",\"x",
                                         "\"secret\":{\"x-a\":[",
                                         "\"headers\":\"x"};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        double small = seconds_of(pieces[i], 1 << 15);
        double big = seconds_of(pieces[i], 1 << 18);

        ck_assert_msg(big < 24 * small + 0.2, "%s: %f, %f", pieces[i], small,
                      big);
    }
}

static const struct {
    const char *api, *field, *example, *source;
} fields[] = {
#define ROW(api, field, example, source) {api, field, example, source},
    CREDENTIAL_FIELDS(ROW)};

/* Puts `secret` in the place of each "@". */
static void fill(const char *example, const char *secret, char *out)
{
    for (; *example; example++)
        if (*example == '@')
            out += sprintf(out, "%s", secret);
        else
            *out++ = *example;
    *out = '\0';
}

/* Each form of a credential, with the body cut anywhere. */
TEST(documented_fields_are_masked)
{
    static const char *const secrets[] = {S, "hush-hush-hush-hush-4711"};
    char text[1024], out[1024];

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        for (size_t k = 0; k < 2; k++) {
            bool json;

            if (k == 1 && strstr(fields[i].example, "/@"))
                continue; /* a part of a path: only its shape tells */
            fill(fields[i].example, secrets[k], text);
            json = is_json(text);
            mask(text, out);
            ck_assert_msg(!strstr(out, "Wv7u") && !strstr(out, "hush-hush"),
                          "%s: %s", fields[i].field, out);
            ck_assert_int_eq(is_json(out), json);
            for (size_t len = strlen(text); k == 0 && len > 0; len--) {
                text[len] = '\0';
                mask(text, out);
                ck_assert_msg(!strstr(out, "Wv7uT5sR3pN1"), "%s", out);
            }
        }
}

/* The page names each field. */
TEST(the_page_lists_the_fields)
{
    static char page[1 << 16];
    FILE *file = fopen("docs/SECRETS.md", "r");
    char row[512];

    ck_assert_ptr_nonnull(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        snprintf(row, sizeof(row), "`%s`", fields[i].field);
        ck_assert_msg(strstr(page, row) != NULL, "%s", row);
    }
}
