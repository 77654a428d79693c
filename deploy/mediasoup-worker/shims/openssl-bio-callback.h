// Included before every source file.
//
// The worker's BIO callback answers 1 where it should hand the operation's own result through. An
// OpenSSL built with kernel TLS, as Debian's is, then takes the answer to "is kernel TLS on?" for
// yes, allocates no write buffer, and the worker dies of SIGSEGV at the first DTLS handshake.
#pragma once

#include <openssl/bio.h>

namespace openssl_bio_callback
{
	inline int wrappedCallbackIndex()
	{
		static const int index = BIO_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);

		return index;
	}

	inline long passResultThrough(
	  BIO* bio, int operation, const char* argp, size_t len, int argi, long argl, int result, size_t* processed)
	{
		auto wrapped =
		  reinterpret_cast<BIO_callback_fn_ex>(BIO_get_ex_data(bio, wrappedCallbackIndex()));
		const long answer = wrapped(bio, operation, argp, len, argi, argl, result, processed);

		return (operation & BIO_CB_RETURN) != 0 ? result : answer;
	}

	inline void set(BIO* bio, BIO_callback_fn_ex callback)
	{
		BIO_set_ex_data(bio, wrappedCallbackIndex(), reinterpret_cast<void*>(callback));
		BIO_set_callback_ex(bio, passResultThrough);
	}
} // namespace openssl_bio_callback

#define BIO_set_callback_ex openssl_bio_callback::set
