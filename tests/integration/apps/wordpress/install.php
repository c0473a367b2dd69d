<?php
/* Makes the tables of a site, with a page; prints the page's number. */
define("WP_INSTALLING", true);
require __DIR__ . "/wp-load.php";
require ABSPATH . "wp-admin/includes/upgrade.php";
wp_install("Shop", "admin", "admin@example.com", true, "", "password");
update_option("active_plugins", ["ai-services/ai-services.php",
                                 "chat-box/chat-box.php",
                                 "seo-writer/seo-writer.php"]);
wp_schedule_single_event(time() - 1, "seo_nightly");
echo wp_insert_post(["post_title" => "Cats", "post_content" => "[chat]",
                     "post_status" => "publish", "post_type" => "page"]);
