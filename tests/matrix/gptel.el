;;; gptel.el --- -*- lexical-binding: t -*-
;; usage: emacs --batch -Q -l gptel.el -- INTERFACE URL (MODE FILE)...
;;
;; Starts curl as gptel does: with the answer's head in the output, a token and
;; the head's size behind the body, a filter that reads the stream as it comes,
;; a sentinel that ends the call (karthink/gptel, gptel-curl.el). A short body is
;; an argument there, a long one a file; here by interface, easy and multi. With
;; the interface stdin, address, key and body are a configuration that curl reads
;; from a pipe, so that no list of processes shows them.

(defvar calls-failed 0)

(defun call-arguments (interface url mode file)
  (append
   (list "--location" "--silent" "--compressed" "--disable" "-XPOST"
         "-w(token . %{size_header})"
         (if (equal mode "timeout") "-m0.6" "-m300") "-D-")
   (cond ((equal interface "stdin") (list "--config" "-"))
         ((equal interface "multi") (list "--data-binary" (concat "@" file)))
         (t (list (concat "-d" (call-text file)))))
   (unless (equal interface "stdin")
     (list "-HContent-Type: application/json" url))))

(defun call-text (file)
  (with-temp-buffer
    (insert-file-contents-literally file)
    (buffer-string)))

(defun call-config (url file)
  (mapconcat (lambda (pair) (format "%s = %S\n" (car pair) (cdr pair)))
             `(("url" . ,url)
               ("header" . "Content-Type: application/json")
               ("header" . "Authorization: Bearer sk-of-nobody")
               ("data" . ,(call-text file)))
             ""))

(defun call-once (interface url mode file)
  (let* ((buffer (generate-new-buffer "answer"))
         (process (apply #'start-process "call" buffer "curl"
                         (call-arguments interface url mode file)))
         (ended nil))
    (set-process-coding-system process 'utf-8-unix 'utf-8-unix)
    (set-process-filter
     process (lambda (_ text)
               (with-current-buffer buffer
                 (goto-char (point-max))
                 (insert text))))
    (set-process-sentinel process (lambda (_ status) (setq ended status)))
    (when (equal interface "stdin")
      (process-send-string process (call-config url file))
      (process-send-eof process))
    (while (not ended)
      (accept-process-output process 0.05))
    (setq calls-failed (+ calls-failed (process-exit-status process)))
    (princ (format "%s %s" mode ended))
    (with-current-buffer buffer
      (goto-char (point-min))
      (princ (replace-regexp-in-string
              "^Date: .*\n" "" (replace-regexp-in-string
                               "\r" "" (buffer-string)))))
    (terpri)))

(let* ((arguments (cdr command-line-args-left))
       (interface (pop arguments))
       (url (pop arguments)))
  (while arguments
    (call-once interface url (pop arguments) (pop arguments))))
(kill-emacs calls-failed)
