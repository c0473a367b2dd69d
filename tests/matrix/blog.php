<?php
/* The front of a site of Debian's WordPress; as a command, it makes the site's
 * tables. Content and database are beside it. */
const ABSPATH = "/usr/share/wordpress/";
const WP_CONTENT_DIR = __DIR__ . "/wp-content";
const WP_HOME = "http://localhost", WP_SITEURL = WP_HOME;
const DB_HOST = "localhost:" . __DIR__ . "/sock", DB_NAME = "blog";
const DB_USER = "nobody", DB_PASSWORD = "", DISABLE_WP_CRON = true;
define("WP_INSTALLING", PHP_SAPI === "cli");
$table_prefix = "wp_";

function wp_mail()
{
    return true;
}

require ABSPATH . "wp-settings.php";
if (WP_INSTALLING) {
    require ABSPATH . "wp-admin/includes/upgrade.php";
    wp_install("Blog", "nobody", "nobody@localhost", true, "", "a word");
    return;
}
wp();
require ABSPATH . WPINC . "/template-loader.php";
