/* mime - the calls by which a program makes a form, part by part.
 *
 * Owns:    nothing.
 * Threads: the one that uses the form.
 * Errors:  libcurl's own. A call that libcurl refuses changes nothing.
 */
#ifndef LLMOBS_OPS_MIME_H
#define LLMOBS_OPS_MIME_H

#include "include/engine.h"

curl_mime *llmobs_ops_mime_init(const struct llmobs_real *real, CURL *curl);
void llmobs_ops_mime_free(const struct llmobs_real *real, curl_mime *mime);
curl_mimepart *llmobs_ops_mime_addpart(const struct llmobs_real *real,
                                       curl_mime *mime);
CURLcode llmobs_ops_mime_name(const struct llmobs_real *real,
                              curl_mimepart *part, const char *name);
CURLcode llmobs_ops_mime_filename(const struct llmobs_real *real,
                                  curl_mimepart *part, const char *name);
CURLcode llmobs_ops_mime_data(const struct llmobs_real *real,
                              curl_mimepart *part, const char *data,
                              size_t size);
CURLcode llmobs_ops_mime_filedata(const struct llmobs_real *real,
                                  curl_mimepart *part, const char *path);
CURLcode llmobs_ops_mime_data_cb(const struct llmobs_real *real,
                                 curl_mimepart *part, curl_off_t size,
                                 curl_read_callback read,
                                 curl_seek_callback seek,
                                 curl_free_callback end, void *user);
CURLcode llmobs_ops_mime_subparts(const struct llmobs_real *real,
                                  curl_mimepart *part, curl_mime *within);
CURLcode llmobs_ops_mime_type(const struct llmobs_real *real,
                              curl_mimepart *part, const char *type);
CURLcode llmobs_ops_mime_encoder(const struct llmobs_real *real,
                                 curl_mimepart *part, const char *coding);
CURLcode llmobs_ops_mime_headers(const struct llmobs_real *real,
                                 curl_mimepart *part,
                                 struct curl_slist *headers, int owned);

#endif
